/** The limits that the plots show, read from the file's own settings. */
import type { Limits } from "../../../lib/plots/layer-series";

export function limitsOf(settings: Record<string, string>): Limits {
  return { flow: smallest(settings.filament_max_volumetric_speed), nozzle: smallest(settings.nozzle_temperature_range_high) };
}

/** Of a list, since nobody knows here which filament a layer is made of. */
function smallest(text: string | undefined): number | null {
  const numbers = (text ?? "").split(/[,;]/).map(Number).filter((value) => value > 0);
  return numbers.length ? Math.min(...numbers) : null;
}
