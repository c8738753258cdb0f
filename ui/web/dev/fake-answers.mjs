/** What the fake agent says, and the content policy that the real one sends. */

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const fence = "```";

export const ANSWERS = {
  model: `PETG strings when it is **too hot** or *too wet*, and when retraction is too short.

1. Dry the spool: 65 °C for 6 hours.
2. Lower the nozzle by 5 °C at a time.
3. Then tune retraction.

| setting | start | step |
|:--|--:|--:|
| nozzle | 240 °C | −5 °C |
| retraction length | 0.8 mm | +0.2 mm |
| travel speed | 180 mm/s | +20 mm/s |

${fence}ini
retraction_length = 0.8
retraction_speed = 35
wipe = 1
filament_notes = "a very long line that does not fit into a narrow dock and therefore has to scroll in its own box"
${fence}

> Change one thing at a time and print the same small tower.

See https://example.org/petg for more. ![a picture](https://example.org/p.png)
`,
  guide: `No model is connected. These passages of the built-in guide fit your question:

### Stringing

Thin threads between parts come from plastic that oozes while the nozzle travels. Dry the filament, lower the temperature, raise retraction a little.

### Retraction

Direct drive: 0.5 to 1 mm. Bowden: 2 to 5 mm.
`,
  passage: `Thin threads between parts come from plastic that oozes while the nozzle travels.

- Dry the filament.
- Lower the temperature by 5 °C.
- Raise retraction by 0.2 mm.
`,
};
