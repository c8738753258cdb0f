"""Writes data folders like OrcaSlicer's: vendors, users, inheritance, and files that are broken."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Value = str | Sequence[str]
VERSION = "2.3.0.0"


class DataFolder:
    """A slicer's data folder, filled as a test needs it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._index: dict[str, dict[str, list[dict[str, str]]]] = {}

    def write(self, file: str, content: str | bytes) -> Path:
        """Any file below the folder."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def system(
        self,
        preset_type: str,
        name: str,
        settings: Mapping[str, Value] | None = None,
        *,
        vendor: str = "Acme",
        inherits: str | None = None,
        is_abstract: bool = False,
        is_listed: bool = True,
        **more: Value,
    ) -> Path:
        """A vendor's preset, listed in the vendor's index."""
        document = {
            "type": preset_type,
            "name": name,
            "from": "system",
            "instantiation": "false" if is_abstract else "true",
            **({"inherits": inherits} if inherits else {}),
            **more,
            **(settings or {}),
        }
        file = f"{preset_type}/{name}.json"
        if is_listed:
            lists = self._index.setdefault(vendor, {})
            lists.setdefault(f"{preset_type}_list", []).append({"name": name, "sub_path": file})
            index = {"name": vendor, "version": VERSION, **lists}
            self.write(f"system/{vendor}.json", json.dumps(index))
        return self.write(f"system/{vendor}/{file}", json.dumps(document, indent=4))

    def user(
        self,
        preset_type: str,
        name: str,
        settings: Mapping[str, object] | None = None,
        *,
        inherits: str = "",
        folder: str = "default",
        version: str | None = VERSION,
    ) -> Path:
        """A preset of the user's, as OrcaSlicer saves it: what differs from its parent."""
        document = {
            "from": "User",
            "inherits": inherits,
            "name": name,
            **({"version": version} if version else {}),
            **(settings or {}),
        }
        self.write(f"user/{folder}/{preset_type}/{name}.info", "sync_info =\nuser_id =\n")
        return self.write(
            f"user/{folder}/{preset_type}/{name}.json", json.dumps(document, indent=4)
        )


def workshop(root: Path) -> DataFolder:
    """A printer of one vendor, its process and filaments, and what a user made of them."""
    data = DataFolder(root)
    data.write("OrcaSlicer.conf", '{"app": {"token": "do-not-read-me"}}')
    _printers(data)
    _processes(data)
    _filaments(data)
    return data


def _printers(data: DataFolder) -> None:
    data.system(
        "machine",
        "fdm_machine_common",
        {"nozzle_diameter": ["0.4"], "retraction_length": ["0.8"], "gcode_flavor": "klipper"},
        is_abstract=True,
    )
    data.system(
        "machine",
        "Acme One 0.4 nozzle",
        {"printable_area": ["0x0", "220x0", "220x220", "0x220"], "printable_height": "250"},
        inherits="fdm_machine_common",
    )
    data.user(
        "machine",
        "My One",
        {"print_host": "http://192.0.2.7", "printhost_apikey": "do-not-tell", "z_offset": "-0.02"},
        inherits="Acme One 0.4 nozzle",
    )


def _processes(data: DataFolder) -> None:
    common = {
        "layer_height": "0.2",
        "wall_loops": "2",
        "sparse_infill_density": "15%",
        "outer_wall_speed": "120",
        "inner_wall_speed": "150",
        "sparse_infill_speed": "200",
        "enable_support": "0",
    }
    data.system("process", "fdm_process_common", common, is_abstract=True)
    data.system(
        "process",
        "0.20mm Standard @Acme",
        {"outer_wall_speed": "100", "compatible_printers": ["Acme One 0.4 nozzle"]},
        inherits="fdm_process_common",
    )
    data.user(
        "process",
        "Strong",
        {"wall_loops": "5", "outer_wall_speed": "100.0", "sparse_infill_density": "40%"},
        inherits="0.20mm Standard @Acme",
    )


def _filaments(data: DataFolder) -> None:
    common = {
        "filament_type": ["PLA"],
        "nozzle_temperature": ["220"],
        "filament_max_volumetric_speed": ["15"],
        "filament_density": ["1.24"],
        "filament_retraction_length": ["nil"],
    }
    library = "OrcaFilamentLibrary"
    data.system("filament", "fdm_filament_common", common, vendor=library, is_abstract=True)
    data.system(
        "filament",
        "Generic PETG @System",
        {"filament_type": ["PETG"], "nozzle_temperature": ["240"]},
        vendor=library,
        inherits="fdm_filament_common",
        renamed_from="Generic PETG",
    )
    data.system(
        "filament",
        "Acme PETG",
        {"filament_max_volumetric_speed": ["9"]},
        inherits="Generic PETG @System",
    )
    data.user(
        "filament",
        "My PETG",
        {"nozzle_temperature": ["235"], "filament_notes": ["dry it first"]},
        inherits="Acme PETG",
    )


def many(root: Path, files: int, *, per_vendor: int = 500) -> DataFolder:
    """A folder with `files` preset files, sized and nested like the real ones."""
    data = DataFolder(root)
    base: dict[str, Value] = {f"setting_{n:03d}": str(n) for n in range(90)}
    base |= {f"list_{n:03d}": [str(n)] for n in range(60)}
    made = 0
    for vendor in range(-(-files // per_vendor)):
        where = f"system/Vendor{vendor:02d}/filament"
        for n in range(min(per_vendor, files - made)):
            name = f"V{vendor} Filament {n}" if n else "fdm_filament_common"
            own: dict[str, Value] = base if n == 0 else _own(n, base)
            # Three abstract ones above what a user chooses, as vendors have it.
            parent = {0: "", 1: "fdm_filament_common"}.get(n, f"V{vendor} Filament {n // 8 or 1}")
            document: dict[str, Value] = {
                "type": "filament",
                "name": name,
                "from": "system",
                "instantiation": "true",
                **({"inherits": parent} if parent else {}),
                "setting_id": f"GFS{vendor:02d}{n:04d}",
                **own,
            }
            data.write(f"{where}/{name}.json", json.dumps(document, indent=4))
            made += 1
    return data


def _own(n: int, base: Mapping[str, Value]) -> dict[str, Value]:
    keys = list(base)
    chosen = [keys[(n * 7 + step) % len(keys)] for step in range(32)]
    return {key: f"{n}.5" if isinstance(base[key], str) else [f"{n}.5"] for key in chosen}
