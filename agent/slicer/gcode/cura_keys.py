"""Cura's settings under OrcaSlicer's names, where both mean the same thing."""

from collections.abc import Mapping

from agent.slicer.values import number

RENAMED = {
    "acceleration_layer_0": "initial_layer_acceleration",
    "acceleration_print": "default_acceleration",
    "acceleration_travel": "travel_acceleration",
    "acceleration_wall_0": "outer_wall_acceleration",
    "acceleration_wall_x": "inner_wall_acceleration",
    "bottom_layers": "bottom_shell_layers",
    "bottom_thickness": "bottom_shell_thickness",
    "bridge_wall_speed": "bridge_speed",
    "brim_gap": "brim_object_gap",
    "brim_width": "brim_width",
    "cool_fan_full_layer": "full_fan_speed_layer",
    "cool_fan_speed_max": "fan_max_speed",
    "cool_fan_speed_min": "fan_min_speed",
    "cool_min_layer_time": "slow_down_layer_time",
    "cool_min_layer_time_fan_speed_max": "fan_cooling_layer_time",
    "cool_min_speed": "slow_down_min_speed",
    "infill_line_width": "sparse_infill_line_width",
    "initial_layer_line_width": "initial_layer_line_width",
    "ironing_line_spacing": "ironing_spacing",
    "layer_height": "layer_height",
    "layer_height_0": "initial_layer_print_height",
    "line_width": "line_width",
    "machine_end_gcode": "machine_end_gcode",
    "machine_height": "printable_height",
    "machine_max_acceleration_e": "machine_max_acceleration_e",
    "machine_max_acceleration_x": "machine_max_acceleration_x",
    "machine_max_acceleration_y": "machine_max_acceleration_y",
    "machine_max_acceleration_z": "machine_max_acceleration_z",
    "machine_max_feedrate_e": "machine_max_speed_e",
    "machine_max_feedrate_x": "machine_max_speed_x",
    "machine_max_feedrate_y": "machine_max_speed_y",
    "machine_max_feedrate_z": "machine_max_speed_z",
    "machine_max_jerk_e": "machine_max_jerk_e",
    "machine_max_jerk_z": "machine_max_jerk_z",
    "machine_name": "printer_model",
    "machine_nozzle_size": "nozzle_diameter",
    "machine_start_gcode": "machine_start_gcode",
    "material_bed_temperature": "hot_plate_temp",
    "material_bed_temperature_layer_0": "hot_plate_temp_initial_layer",
    "material_diameter": "filament_diameter",
    "material_print_temperature": "nozzle_temperature",
    "material_print_temperature_layer_0": "nozzle_temperature_initial_layer",
    "material_type": "filament_type",
    "retraction_amount": "retraction_length",
    "retraction_hop": "z_hop",
    "retraction_min_travel": "retraction_minimum_travel",
    "retraction_prime_speed": "deretraction_speed",
    "retraction_speed": "retraction_speed",
    "roofing_line_width": "top_surface_line_width",
    "skirt_gap": "skirt_distance",
    "skirt_line_count": "skirt_loops",
    "skin_line_width": "internal_solid_infill_line_width",
    "speed_infill": "sparse_infill_speed",
    "speed_ironing": "ironing_speed",
    "speed_layer_0": "initial_layer_speed",
    "speed_roofing": "top_surface_speed",
    "speed_slowdown_layers": "slow_down_layers",
    "speed_support": "support_speed",
    "speed_support_interface": "support_interface_speed",
    "speed_topbottom": "internal_solid_infill_speed",
    "speed_travel": "travel_speed",
    "speed_wall_0": "outer_wall_speed",
    "speed_wall_x": "inner_wall_speed",
    "speed_z_hop": "travel_speed_z",
    "support_line_width": "support_line_width",
    "support_top_distance": "support_top_z_distance",
    "support_bottom_distance": "support_bottom_z_distance",
    "support_xy_distance": "support_object_xy_distance",
    "top_layers": "top_shell_layers",
    "top_thickness": "top_shell_thickness",
    "wall_line_count": "wall_loops",
    "wall_line_width_0": "outer_wall_line_width",
    "wall_line_width_x": "inner_wall_line_width",
    "xy_offset": "xy_contour_compensation",
}
FLAGS = {
    "fill_outline_gaps": "detect_thin_wall",
    "magic_spiralize": "spiral_mode",
    "prime_tower_enable": "enable_prime_tower",
    "relative_extrusion": "use_relative_e_distances",
    "retract_at_layer_change": "retract_when_changing_layer",
    "support_enable": "enable_support",
}
PERCENTS = {"infill_sparse_density": "sparse_infill_density", "ironing_flow": "ironing_flow"}

CHOICES = {
    "z_seam_type": (
        "seam_position",
        {
            "back": "back",
            "shortest": "nearest",
            "random": "random",
            "sharpest_corner": "aligned",
        },
    ),
    "infill_pattern": (
        "sparse_infill_pattern",
        {
            "grid": "grid",
            "lines": "line",
            "triangles": "triangles",
            "trihexagon": "tri-hexagon",
            "cubic": "cubic",
            "cubicsubdiv": "adaptivecubic",
            "quarter_cubic": "quartercubic",
            "concentric": "concentric",
            "zigzag": "zig-zag",
            "gyroid": "gyroid",
            "honeycomb": "honeycomb",
            "lightning": "lightning",
        },
    ),
    "adhesion_type": ("brim_type", {"brim": "outer_only", "skirt": "no_brim", "none": "no_brim"}),
    "print_sequence": (
        "print_sequence",
        {"all_at_once": "by layer", "one_at_a_time": "by object"},
    ),
    "machine_gcode_flavor": (
        "gcode_flavor",
        {
            "RepRap (Marlin/Sprinter)": "marlin",
            "RepRap (RepRap)": "reprapfirmware",
            "Repetier": "repetier",
        },
    ),
}


def translated(settings: Mapping[str, str]) -> dict[str, str]:
    """Only plain values: Cura also writes formulas ("=line_width * 2"), which stay its own."""
    plain = {key: value for key, value in settings.items() if not value.startswith("=")}
    found = {ours: plain[theirs] for theirs, ours in RENAMED.items() if theirs in plain}
    for theirs, ours in FLAGS.items():
        if plain.get(theirs) in {"True", "False"}:
            found[ours] = "1" if plain[theirs] == "True" else "0"
    for theirs, ours in PERCENTS.items():
        if number(plain.get(theirs, "")) is not None:
            found[ours] = f"{plain[theirs]}%"
    for theirs, (ours, choices) in CHOICES.items():
        if plain.get(theirs) in choices:
            found[ours] = choices[plain[theirs]]
    return found | _together(plain)


def _together(plain: Mapping[str, str]) -> dict[str, str]:
    found = {}
    if (flow := number(plain.get("material_flow", ""))) is not None:
        found["filament_flow_ratio"] = f"{flow / 100:g}"
    if (angle := number(plain.get("support_angle", ""))) is not None:
        found["support_threshold_angle"] = f"{90 - angle:g}"  # there from upright, here from flat
    if plain.get("retraction_enable") == "False":
        found["retraction_length"] = "0"
    if plain.get("retraction_hop_enabled") == "False":
        found["z_hop"] = "0"
    if (fan := number(plain.get("cool_fan_speed", ""))) is not None:
        found["fan_max_speed"] = f"{fan:g}"
    if plain.get("ironing_enabled") in {"True", "False"}:
        found["ironing_type"] = "top" if plain["ironing_enabled"] == "True" else "no ironing"
    if jerk := plain.get("machine_max_jerk_xy"):
        found |= {"machine_max_jerk_x": jerk, "machine_max_jerk_y": jerk}
    return found | _bed(plain)


def _bed(plain: Mapping[str, str]) -> dict[str, str]:
    width, depth = (number(plain.get(key, "")) for key in ("machine_width", "machine_depth"))
    if not width or not depth or plain.get("machine_center_is_zero") == "True":
        return {}
    return {"printable_area": f"0x0,{width:g}x0,{width:g}x{depth:g},0x{depth:g}"}
