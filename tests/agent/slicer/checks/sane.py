"""Files in which nothing is wrong: settings as the slicer's own presets have them."""

from collections.abc import Mapping
from dataclasses import replace

from agent.slicer.rules import Analysis, Facts, Feature, Filament, Layers, Slicer

MACHINE = {
    "extruder_type": "Direct Drive",
    "gcode_flavor": "klipper",
    "machine_end_gcode": "M104 S0\\nM140 S0\\nG1 X0 Y200\\nM84",
    "machine_max_acceleration_extruding": "20000,20000",
    "machine_max_acceleration_travel": "20000,20000",
    "machine_max_speed_x": "500,200",
    "machine_max_speed_y": "500,200",
    "machine_start_gcode": (
        "G28 ; home\\nM104 S150\\nM190 S{hot_plate_temp_initial_layer[0]}\\n"
        "M109 S[nozzle_temperature_initial_layer]"
    ),
    "max_layer_height": "0.32",
    "min_layer_height": "0.08",
    "nozzle_diameter": "0.4",
    "nozzle_hrc": "0",
    "nozzle_type": "hardened_steel",
    "printable_area": "0x0,256x0,256x256,0x256",
    "printable_height": "256",
    "printer_model": "Own CoreXY",
    "printer_settings_id": "Own CoreXY 0.4 nozzle",
    "printer_structure": "corexy",
    "retract_restart_extra": "0",
    "retraction_length": "0.8",
    "retraction_minimum_travel": "1",
    "retraction_speed": "30",
    "single_extruder_multi_material": "1",
    "support_chamber_temp_control": "0",
    "use_firmware_retraction": "0",
    "z_hop": "0.4",
}
PROCESS = {
    "bridge_flow": "1",
    "bridge_speed": "50",
    "brim_object_gap": "0.1",
    "brim_type": "auto_brim",
    "brim_width": "5",
    "curr_bed_type": "High Temp Plate",
    "default_acceleration": "10000",
    "detect_overhang_wall": "1",
    "detect_thin_wall": "0",
    "elefant_foot_compensation": "0.15",
    "enable_arc_fitting": "0",
    "enable_overhang_speed": "1",
    "enable_prime_tower": "1",
    "enable_support": "0",
    "gap_infill_speed": "250",
    "infill_wall_overlap": "15%",
    "initial_layer_acceleration": "500",
    "initial_layer_infill_speed": "105",
    "initial_layer_line_width": "0.5",
    "initial_layer_print_height": "0.2",
    "initial_layer_speed": "50",
    "inner_wall_acceleration": "0",
    "inner_wall_line_width": "0.45",
    "inner_wall_speed": "120",
    "internal_solid_infill_acceleration": "100%",
    "internal_solid_infill_line_width": "0.42",
    "internal_solid_infill_speed": "120",
    "ironing_flow": "10%",
    "ironing_type": "no ironing",
    "layer_height": "0.2",
    "line_width": "0.42",
    "outer_wall_acceleration": "5000",
    "outer_wall_line_width": "0.42",
    "outer_wall_speed": "90",
    "overhang_1_4_speed": "0",
    "overhang_2_4_speed": "50",
    "overhang_3_4_speed": "30",
    "overhang_4_4_speed": "10",
    "print_flow_ratio": "1",
    "print_settings_id": "0.20mm Standard @Own",
    "raft_layers": "0",
    "reduce_crossing_wall": "0",
    "resolution": "0.012",
    "seam_position": "aligned",
    "sparse_infill_acceleration": "100%",
    "sparse_infill_density": "15%",
    "sparse_infill_line_width": "0.45",
    "sparse_infill_pattern": "grid",
    "sparse_infill_speed": "120",
    "spiral_mode": "0",
    "support_interface_filament": "0",
    "support_interface_top_layers": "2",
    "support_line_width": "0.42",
    "support_object_xy_distance": "0.35",
    "support_speed": "150",
    "support_threshold_angle": "30",
    "support_top_z_distance": "0.2",
    "top_shell_layers": "5",
    "top_shell_thickness": "1",
    "top_surface_acceleration": "2000",
    "top_surface_line_width": "0.42",
    "top_surface_speed": "90",
    "bottom_shell_layers": "3",
    "bottom_shell_thickness": "0",
    "travel_acceleration": "10000",
    "travel_speed": "500",
    "wall_generator": "arachne",
    "wall_loops": "2",
    "wall_sequence": "inner wall/outer wall",
    "xy_contour_compensation": "0",
    "xy_hole_compensation": "0",
}
PLA = {
    "activate_chamber_temp_control": "0",
    "chamber_temperature": "0",
    "close_fan_the_first_x_layers": "1",
    "cool_plate_temp": "35",
    "cool_plate_temp_initial_layer": "35",
    "enable_overhang_bridge_fan": "1",
    "enable_pressure_advance": "1",
    "eng_plate_temp": "0",
    "eng_plate_temp_initial_layer": "0",
    "fan_max_speed": "100",
    "fan_min_speed": "60",
    "filament_density": "1.24",
    "filament_diameter": "1.75",
    "filament_flow_ratio": "0.98",
    "filament_max_volumetric_speed": "12",
    "filament_retraction_length": "nil",
    "filament_retraction_minimum_travel": "nil",
    "filament_retraction_speed": "nil",
    "filament_settings_id": '"Generic PLA @System"',
    "filament_shrink": "100%",
    "filament_type": "PLA",
    "filament_z_hop": "nil",
    "hot_plate_temp": "55",
    "hot_plate_temp_initial_layer": "55",
    "nozzle_temperature": "220",
    "nozzle_temperature_initial_layer": "220",
    "nozzle_temperature_range_high": "240",
    "nozzle_temperature_range_low": "190",
    "overhang_fan_speed": "100",
    "pressure_advance": "0.025",
    "required_nozzle_HRC": "3",
    "slow_down_for_layer_cooling": "1",
    "slow_down_layer_time": "8",
    "slow_down_min_speed": "20",
    "textured_plate_temp": "55",
    "textured_plate_temp_initial_layer": "55",
}
PETG = PLA | {
    "close_fan_the_first_x_layers": "3",
    "cool_plate_temp": "0",
    "cool_plate_temp_initial_layer": "0",
    "fan_max_speed": "90",
    "fan_min_speed": "20",
    "filament_density": "1.27",
    "filament_max_volumetric_speed": "10",
    "filament_settings_id": '"Generic PETG @System"',
    "filament_type": "PETG",
    "hot_plate_temp": "80",
    "hot_plate_temp_initial_layer": "80",
    "nozzle_temperature": "250",
    "nozzle_temperature_initial_layer": "255",
    "nozzle_temperature_range_high": "270",
    "nozzle_temperature_range_low": "220",
    "overhang_fan_speed": "90",
    "slow_down_layer_time": "12",
    "textured_plate_temp": "80",
    "textured_plate_temp_initial_layer": "80",
}
ABS = PLA | {
    "close_fan_the_first_x_layers": "3",
    "cool_plate_temp": "0",
    "cool_plate_temp_initial_layer": "0",
    "fan_max_speed": "80",
    "fan_min_speed": "10",
    "filament_density": "1.04",
    "filament_settings_id": '"Generic ABS @System"',
    "filament_type": "ABS",
    "hot_plate_temp": "90",
    "hot_plate_temp_initial_layer": "90",
    "nozzle_temperature": "260",
    "nozzle_temperature_initial_layer": "260",
    "nozzle_temperature_range_high": "280",
    "nozzle_temperature_range_low": "240",
    "slow_down_layer_time": "4",
}
TPU = PLA | {
    "filament_density": "1.22",
    "filament_max_volumetric_speed": "3.2",
    "filament_settings_id": '"Generic TPU @System"',
    "filament_type": "TPU",
    "hot_plate_temp": "35",
    "hot_plate_temp_initial_layer": "35",
    "nozzle_temperature": "230",
    "nozzle_temperature_initial_layer": "230",
    "nozzle_temperature_range_high": "250",
    "nozzle_temperature_range_low": "200",
    "enable_pressure_advance": "0",
}
MATERIALS = {"PLA": PLA, "PETG": PETG, "ABS": ABS, "TPU": TPU}


def facts(changed: Mapping[str, str] | None = None, *, filament: str = "PLA") -> Facts:
    """A G-code of OrcaSlicer with these settings changed."""
    own = MATERIALS[filament]
    settings = MACHINE | PROCESS | own | dict(changed or {})
    return Facts(
        kind="gcode",
        slicer=Slicer.ORCA,
        generator="OrcaSlicer 2.3.1",
        version="2.3.1",
        printer="Own CoreXY 0.4 nozzle",
        estimated_seconds=3600,
        layers=100,
        max_z_mm=20.0,
        filament_changes=0,
        filaments=(
            Filament(
                0,
                settings["filament_settings_id"].strip('"'),
                settings["filament_type"],
                used_mm=8000,
                used_g=24,
            ),
        ),
        settings=settings,
    )


def several(*kinds: str, changed: Mapping[str, str] | None = None, changes: int = 4) -> Facts:
    """One file printed with several filaments."""
    texts = ("filament_type", "filament_settings_id")
    lists = {
        key: (";" if key in texts else ",").join(MATERIALS[kind].get(key, "0") for kind in kinds)
        for key in PLA
    }
    return replace(
        facts(lists | dict(changed or {})),
        filament_changes=changes,
        filaments=tuple(
            Filament(i, f"Generic {kind} @System", kind, used_mm=4000, used_g=12)
            for i, kind in enumerate(kinds)
        ),
    )


def layers(*, count: int = 100, **changed: tuple[float, ...]) -> Layers:
    """Even layers. What is changed holds the values of the first ones."""
    even: dict[str, float] = {
        "height_mm": 0.2,
        "seconds": 36.0,
        "max_flow_mm3_s": 10.0,
        "mean_flow_mm3_s": 6.0,
        "max_speed_mm_s": 120.0,
        "mean_speed_mm_s": 80.0,
        "nozzle_c": 220.0,
        "bed_c": 55.0,
        "fan_percent": 100.0,
        "filament_mm": 80.0,
        "travel_mm": 300.0,
    }
    columns = {
        name: changed.get(name, ()) + (value,) * (count - len(changed.get(name, ())))
        for name, value in even.items()
    }
    retractions = tuple(int(one) for one in changed.get("retractions", ()))
    return Layers(
        z_mm=tuple(round(0.2 * (i + 1), 2) for i in range(count)),
        retractions=retractions + (8,) * (count - len(retractions)),
        **columns,
    )


def feature(name: str, length_mm: float = 20000.0) -> Feature:
    return Feature(name, length_mm / 80, length_mm, length_mm / 30, 120.0, 80.0, 10.0, 6.0)


ANALYSIS = Analysis(
    seconds=3700.0,
    layers=layers(),
    features=(feature("Outer wall"), feature("Inner wall"), feature("Sparse infill", 60000.0)),
    bounding_box=(90.0, 90.0, 0.0, 160.0, 160.0, 20.0),
    travel_mm=30000.0,
    travel_seconds=300.0,
    retractions=800,
    retracted_mm=640.0,
    filament_mm=(8000.0,),
    tool_changes=0,
    first_layer_seconds=60.0,
    lines=100000,
)
