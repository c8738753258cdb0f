"""Cases of settings: the machine, temperatures, the plate, flow, layers."""

from agent.slicer.rules import Evidence
from tests.agent.slicer.checks.case import BLOCKING, INFO, settings_case

OPEN = {"printer_structure": "i3", "printer_model": "Own Bedslinger"}
SUPPORTS = {"enable_support": "1"}
VASE = {
    "spiral_mode": "1",
    "wall_loops": "1",
    "top_shell_layers": "0",
    "sparse_infill_density": "0%",
}
BOWDEN = {"extruder_type": "Bowden", "retraction_length": "5"}
FIBRES = {"filament_type": "PETG-CF", "filament_settings_id": '"Own PETG-CF"'}

MACHINE_CASES = (
    # --- machine ---
    settings_case(
        "start-without-homing",
        {"machine_start_gcode": "; nothing\\nM109 S[nozzle_temperature_initial_layer]"},
        {"machine_start_gcode": "START_PRINT TEMP=[nozzle_temperature_initial_layer]"},
        severity=BLOCKING,
        evidence=Evidence(
            "machine_start_gcode",
            "M109 S[nozzle_temperature_initial_layer]",
            "a line with G28, or a macro",
        ),
    ),
    settings_case(
        "start-without-homing",
        {"machine_start_gcode": ""},
        {"machine_start_gcode": "", "gcode_flavor": "reprapfirmware"},
        severity=BLOCKING,
    ),
    settings_case(
        "start-fixed-temperature",
        {"machine_start_gcode": "G28\\nM109 S200 ; hot"},
        {"machine_start_gcode": "G28\\nM109 S170\\nG29\\nM109 S{nozzle_temperature[0]}"},
        evidence=Evidence("machine_start_gcode", "M109 S200", "220 °C"),
    ),
    settings_case(
        "end-stays-hot",
        {"machine_end_gcode": "M140 S0\\nM84"},
        {"machine_end_gcode": "END_PRINT"},
        evidence=Evidence("machine_end_gcode", "M140 S0; M84", "M104 S0 and M140 S0"),
    ),
    settings_case(
        "end-stays-hot",
        {"machine_end_gcode": "M104 S0\\nM84"},
        {"machine_end_gcode": "M104 T0 S0\\nM190 R0\\nM84"},
        severity=INFO,
    ),
    settings_case(
        "firmware-flavour",
        {"gcode_flavor": "marlin", "machine_start_gcode": "G28\\nBED_MESH_PROFILE LOAD=own"},
        {"gcode_flavor": "marlin", "machine_start_gcode": "G28\\nG29"},
        evidence=Evidence("gcode_flavor", "marlin", "klipper"),
    ),
    settings_case(
        "firmware-flavour",
        {
            "gcode_flavor": "marlin",
            "machine_start_gcode": "G28\\nBED_MESH_CALIBRATE",
            "enable_pressure_advance": "0",
        },
        {"machine_start_gcode": "G28\\nBED_MESH_CALIBRATE"},
        severity=INFO,
    ),
    # --- temperature ---
    settings_case(
        "nozzle-too-hot",
        {"nozzle_temperature": "250"},
        {"nozzle_temperature": "240"},
        also=("first-layer-nozzle-colder",),
        also_right=("first-layer-nozzle-colder",),
        evidence=Evidence("nozzle_temperature", "250 °C", "at most 240 °C", "PLA"),
    ),
    settings_case(
        "nozzle-too-hot",
        {"nozzle_temperature": "270", "nozzle_temperature_initial_layer": "270"},
        {"nozzle_temperature": "230", "nozzle_temperature_initial_layer": "240"},
        severity=BLOCKING,
    ),
    settings_case(
        "nozzle-too-hot",  # the file names no range: that of the material holds
        {
            "nozzle_temperature_range_low": "",
            "nozzle_temperature_range_high": "",
            "nozzle_temperature_initial_layer": "255",
        },
        {
            "nozzle_temperature_range_low": "",
            "nozzle_temperature_range_high": "",
            "nozzle_temperature_initial_layer": "250",
        },
    ),
    settings_case(
        "nozzle-too-cold",
        {"nozzle_temperature": "215", "nozzle_temperature_initial_layer": "215"},
        {"nozzle_temperature": "220", "nozzle_temperature_initial_layer": "220"},
        of="PETG",
    ),
    settings_case(
        "nozzle-wrong-for-material",
        {
            "nozzle_temperature": "260",
            "nozzle_temperature_initial_layer": "260",
            "nozzle_temperature_range_high": "280",
        },
        {
            "nozzle_temperature": "245",
            "nozzle_temperature_initial_layer": "245",
            "nozzle_temperature_range_high": "280",
        },
        evidence=Evidence("nozzle_temperature", "260 °C", "180 to 250 °C for PLA", "PLA"),
    ),
    settings_case(
        "first-layer-nozzle-colder",
        {"nozzle_temperature_initial_layer": "205"},
        {"nozzle_temperature_initial_layer": "210"},
    ),
    settings_case(
        "enclosure-missing",
        OPEN,
        OPEN | {"support_chamber_temp_control": "1"},
        of="ABS",
        evidence=Evidence("printer_structure", "i3", "a closed chamber"),
    ),
    settings_case(
        "enclosure-missing",
        OPEN | {"filament_type": "ABS-GF"},
        {"filament_type": "ABS-GF"},
        of="ABS",
        severity=INFO,
    ),
    settings_case(
        "chamber-too-hot",
        {"activate_chamber_temp_control": "1", "chamber_temperature": "60"},
        {"activate_chamber_temp_control": "0", "chamber_temperature": "60"},
        evidence=Evidence("chamber_temperature", "60 °C", "at most 45 °C", "PLA"),
    ),
    settings_case(
        "nozzle-too-soft",
        FIBRES | {"nozzle_type": "brass"},
        FIBRES | {"nozzle_type": "hardened_steel"},
        of="PETG",
    ),
    settings_case(
        "nozzle-too-soft",
        {"required_nozzle_HRC": "40", "nozzle_hrc": "20"},
        {"required_nozzle_HRC": "40", "nozzle_hrc": "55"},
        evidence=Evidence("nozzle_hrc", "20 HRC", "at least 40 HRC"),
    ),
    settings_case(
        "nozzle-narrow-for-fibres",
        FIBRES
        | {
            "nozzle_diameter": "0.25",
            "layer_height": "0.1",
            "line_width": "0.25",
            "initial_layer_print_height": "0.12",
            "max_layer_height": "0.2",
        }
        | {
            f"{name}_line_width": "0.26"
            for name in (
                *("outer_wall", "inner_wall", "top_surface", "sparse_infill", "support"),
                *("internal_solid_infill", "initial_layer"),
            )
        },
        FIBRES,
        of="PETG",
    ),
    # --- adhesion ---
    settings_case(
        "plate-unsuitable",
        {"curr_bed_type": "Cool Plate"},
        {"curr_bed_type": "Textured PEI Plate"},
        of="PETG",
        evidence=Evidence("cool_plate_temp", "0 °C", "above 0 °C", "PETG"),
    ),
    settings_case(
        "bed-too-cold",
        {"hot_plate_temp": "45", "hot_plate_temp_initial_layer": "45"},
        {"hot_plate_temp": "50", "hot_plate_temp_initial_layer": "60"},
        of="PETG",
        evidence=Evidence("hot_plate_temp_initial_layer", "45 °C", "at least 50 °C", "PETG"),
    ),
    settings_case(
        "bed-too-hot",
        {"hot_plate_temp": "80", "hot_plate_temp_initial_layer": "80"},
        {"hot_plate_temp": "65", "hot_plate_temp_initial_layer": "70"},
    ),
    settings_case(
        "first-layer-bed-colder",
        {"hot_plate_temp_initial_layer": "45"},
        {"hot_plate_temp_initial_layer": "50"},
    ),
    settings_case(
        "first-layer-fast", {"initial_layer_speed": "100"}, {"initial_layer_speed": "60"}
    ),
    settings_case(
        "first-layer-acceleration",
        {"initial_layer_acceleration": "0"},
        {"initial_layer_acceleration": "3000"},
        evidence=Evidence("default_acceleration", "10000 mm/s²", "at most 5000 mm/s²"),
    ),
    settings_case(
        "brim-missing",
        {"brim_type": "no_brim"},
        {"brim_type": "outer_only"},
        of="ABS",
        severity=INFO,
    ),
    settings_case(
        "brim-apart",
        {"brim_object_gap": "0.5"},
        {"brim_object_gap": "0.5", "brim_type": "no_brim"},
    ),
    settings_case(
        "foot-cut-away",
        {"elefant_foot_compensation": "0.5"},
        {"elefant_foot_compensation": "0.2"},
    ),
    # --- flow ---
    settings_case(
        "flow-unlimited",
        {"filament_max_volumetric_speed": "0", "inner_wall_speed": "200"},
        {"filament_max_volumetric_speed": "0"},
        evidence=Evidence("inner_wall_speed", "200 mm/s", "about 11 mm³/s through this nozzle"),
    ),
    settings_case(
        "flow-limit-too-high",
        {"filament_max_volumetric_speed": "60"},
        {"filament_max_volumetric_speed": "32"},
    ),
    settings_case(
        "flow-limit-too-high",
        {"filament_max_volumetric_speed": "20"},
        {"filament_max_volumetric_speed": "12"},
        of="TPU",
    ),
    settings_case(
        "flow-slows-print",
        {"inner_wall_speed": "300"},
        {"inner_wall_speed": "200"},
        severity=INFO,
        evidence=Evidence(
            "inner_wall_speed",
            "300 mm/s",
            "at most 147 mm/s",
            "Inner wall: 24.4 mm³/s, printed at about 147 mm/s",
        ),
    ),
    settings_case(
        "flow-ratio",
        {"filament_flow_ratio": "0.8"},
        {"filament_flow_ratio": "0.6", "filament_type": "PLA-AERO"},
    ),
    settings_case("filament-diameter", {"filament_diameter": "2.1"}, {"filament_diameter": "2.85"}),
    # --- layers ---
    settings_case(
        "layer-too-high",
        {"layer_height": "0.34", "max_layer_height": "0.4", "top_shell_layers": "3"}
        | {"inner_wall_speed": "90", "sparse_infill_speed": "70"}
        | {"internal_solid_infill_speed": "70"},
        {"layer_height": "0.32", "outer_wall_speed": "70", "inner_wall_speed": "70"},
        evidence=Evidence("layer_height", "0.34 mm", "at most 0.32 mm"),
    ),
    settings_case(
        "layer-too-high",
        {"layer_height": "0.45", "max_layer_height": "0", "line_width": "0.6"}
        | {
            f"{name}_line_width": "0.6"
            for name in (
                *("outer_wall", "inner_wall", "top_surface", "sparse_infill", "support"),
                "internal_solid_infill",
            )
        }
        | {
            f"{name}_speed": "50"
            for name in (
                *("outer_wall", "inner_wall", "top_surface", "sparse_infill"),
                "internal_solid_infill",
            )
        },
        {"layer_height": "0.28"},
        severity=BLOCKING,
    ),
    settings_case(
        "layer-too-low",
        {"layer_height": "0.05", "min_layer_height": "0.04", "bottom_shell_layers": "5"},
        {"layer_height": "0.08"},
    ),
    settings_case(
        "layer-outside-printer-limits",
        {"layer_height": "0.3", "max_layer_height": "0.28"},
        {"layer_height": "0.28", "max_layer_height": "0.28"},
        severity=INFO,
    ),
    settings_case(
        "layer-outside-printer-limits",
        {"layer_height": "0.07"},
        {"layer_height": "0.08"},
        severity=INFO,
    ),
    settings_case(
        "first-layer-too-thin",
        {"initial_layer_print_height": "0.08"},
        {"initial_layer_print_height": "0.1"},
    ),
    settings_case(
        "first-layer-too-thick",
        {"initial_layer_print_height": "0.35"},
        {"initial_layer_print_height": "0.3"},
    ),
    settings_case(
        "line-too-narrow",
        {"outer_wall_line_width": "0.3"},
        {"outer_wall_line_width": "85%"},
        evidence=Evidence("outer_wall_line_width", "0.3 mm", "at least 0.32 mm"),
    ),
    settings_case(
        "line-too-wide",
        {"initial_layer_line_width": "200%"},
        {"initial_layer_line_width": "150%"},
        evidence=Evidence("initial_layer_line_width", "0.8 mm", "at most 0.72 mm"),
    ),
    settings_case(
        "line-too-round",
        {"layer_height": "0.3", "support_line_width": "0.34"},
        {"layer_height": "0.28", "support_line_width": "0.34"},
    ),
)
