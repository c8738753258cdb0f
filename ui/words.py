"""What the desktop says, in English and German."""

from collections.abc import Mapping

EN: Mapping[str, str] = {
    "name": "Orca Agents",
    "state-starting": "Starting …",
    "state-ready": "Ready",
    "state-working": "Working",
    "state-no-model": "No model: the guide answers",
    "state-paused": "Paused",
    "state-held": "Prints wait for you: {count}",
    "state-gone": "The agent does not run",
    "open": "Open",
    "new": "New question",
    "models": "Models",
    "held": "Held prints",
    "held-count": "Held prints ({count})",
    "autostart": "Start with the computer",
    "pause": "Pause",
    "start": "Start the agent",
    "log": "Show the log",
    "quit": "Quit, leave the agent running",
    "quit-stop": "Quit and stop the agent",
    "told-pulled": "Model downloaded",
    "told-pulled-text": "{model} is ready.",
    "told-pull-failed": "Download failed",
    "told-pull-failed-text": "{model} could not be downloaded.",
    "told-held": "A print waits",
    "told-held-text": "{file} for {printer} wants a look before it goes on.",
    "told-updated": "Orca Agents was updated",
    "told-updated-text": "This is version {version}.",
    "told-gone": "The agent has stopped",
    "told-gone-text": "Click to see why.",
    "told-refused": "That did not work",
    "starting": "The agent is starting …",
    "failed": "The agent does not start",
    "crashed": "The agent crashed {count} times",
    "crashed-text": "It is not started by itself any more. What it wrote last:",
    "stopped": "The agent does not run",
    "stopped-text": "It was stopped. Conversations and files are kept.",
    "retry": "Start it",
    "restore": "Go back to the newest backup",
    "restore-text": "The database as it is now is kept beside it.",
    "saved": "Saved in Downloads",
    "no-display": "There is no display here. `orca-agent serve` prints a link for a browser.",
    "no-window": "The window cannot open: {reason}",
    "no-answer": "the display {display} does not answer. `orca-agent serve` prints a link for a "
    "browser.",
    "no-library": "a library of the system is missing. On Debian and Ubuntu: "
    "`sudo apt install libxcb-cursor0`.",
    "no-toolkit": "The window is not installed with this agent. Install the extra `desktop` "
    "(`pip install 'orca-agents[desktop]'`), or open the page in a browser: "
    "`orca-agent url --open`.",
    "no-toolkit-clone": "The window is not installed beside this Python. `make tray` in the clone "
    "installs it and shows the window, each time; or open the page in a browser: "
    "`orca-agent url --open`.",
}
DE: Mapping[str, str] = {
    "name": "Orca Agents",
    "state-starting": "Startet …",
    "state-ready": "Bereit",
    "state-working": "Arbeitet",
    "state-no-model": "Kein Modell: das Handbuch antwortet",
    "state-paused": "Angehalten",
    "state-held": "Drucke warten auf Sie: {count}",
    "state-gone": "Der Agent läuft nicht",
    "open": "Öffnen",
    "new": "Neue Frage",
    "models": "Modelle",
    "held": "Zurückgehaltene Drucke",
    "held-count": "Zurückgehaltene Drucke ({count})",
    "autostart": "Mit dem Computer starten",
    "pause": "Anhalten",
    "start": "Agent starten",
    "log": "Protokoll zeigen",
    "quit": "Beenden, Agent läuft weiter",
    "quit-stop": "Beenden und Agent stoppen",
    "told-pulled": "Modell heruntergeladen",
    "told-pulled-text": "{model} ist bereit.",
    "told-pull-failed": "Herunterladen fehlgeschlagen",
    "told-pull-failed-text": "{model} konnte nicht heruntergeladen werden.",
    "told-held": "Ein Druck wartet",
    "told-held-text": "{file} für {printer} möchte erst angesehen werden.",
    "told-updated": "Orca Agents wurde aktualisiert",
    "told-updated-text": "Das ist Version {version}.",
    "told-gone": "Der Agent wurde beendet",
    "told-gone-text": "Klicken Sie, um zu sehen, warum.",
    "told-refused": "Das hat nicht geklappt",
    "starting": "Der Agent startet …",
    "failed": "Der Agent startet nicht",
    "crashed": "Der Agent ist {count}-mal abgestürzt",
    "crashed-text": "Er wird nicht mehr von selbst gestartet. Das schrieb er zuletzt:",
    "stopped": "Der Agent läuft nicht",
    "stopped-text": "Er wurde beendet. Unterhaltungen und Dateien bleiben erhalten.",
    "retry": "Starten",
    "restore": "Zurück zur neuesten Sicherung",
    "restore-text": "Die jetzige Datenbank bleibt daneben erhalten.",
    "saved": "Unter Downloads gespeichert",
    "no-display": "Hier ist kein Bildschirm. `orca-agent serve` gibt einen Link für einen Browser "
    "aus.",
    "no-window": "Das Fenster lässt sich nicht öffnen: {reason}",
    "no-answer": "Der Bildschirm {display} antwortet nicht. `orca-agent serve` gibt einen Link für "
    "einen Browser aus.",
    "no-library": "Eine Bibliothek des Systems fehlt. Unter Debian und Ubuntu: "
    "`sudo apt install libxcb-cursor0`.",
    "no-toolkit": "Das Fenster ist mit diesem Agenten nicht installiert. Installieren Sie das "
    "Extra `desktop` (`pip install 'orca-agents[desktop]'`), oder öffnen Sie die Seite im Browser: "
    "`orca-agent url --open`.",
    "no-toolkit-clone": "Das Fenster ist bei diesem Python nicht installiert. `make tray` im Klon "
    "installiert es und zeigt jedes Mal das Fenster; oder öffnen Sie die Seite im Browser: "
    "`orca-agent url --open`.",
}
LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": EN, "de": DE}


class Words:
    """The words of one language. A name that nobody knows is a mistake, and raises KeyError."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._known = LANGUAGES[language]

    def __call__(self, name: str, **values: object) -> str:
        return self._known[name].format(**values) if values else self._known[name]
