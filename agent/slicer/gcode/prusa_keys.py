"""PrusaSlicer's settings under OrcaSlicer's names. Both descend from Slic3r: most values mean the
same, and what differs is turned into what OrcaSlicer would have written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.slicer.values import number

_SAME = """
bridge_acceleration bridge_angle bridge_speed brim_type brim_width chamber_temperature
default_acceleration draft_shield elefant_foot_compensation extra_loading_move
extra_perimeters_on_overhangs extruder_clearance_radius extruder_colour extruder_offset
filament_colour filament_cooling_final_speed filament_cooling_initial_speed
filament_cooling_moves filament_cost filament_density filament_diameter filament_loading_speed
filament_loading_speed_start filament_max_volumetric_speed filament_minimal_purge_on_wipe_tower
filament_notes filament_retract_before_wipe filament_retract_restart_extra filament_settings_id
filament_soluble filament_toolchange_delay filament_type filament_unloading_speed
filament_unloading_speed_start filament_vendor filament_wipe full_fan_speed_layer fuzzy_skin
fuzzy_skin_thickness gcode_comments gcode_flavor gcode_label_objects
high_current_on_filament_swap infill_anchor infill_anchor_max interface_shells ironing_spacing
ironing_speed layer_height machine_max_acceleration_e machine_max_acceleration_extruding
machine_max_acceleration_retracting machine_max_acceleration_travel machine_max_acceleration_x
machine_max_acceleration_y machine_max_acceleration_z machine_max_jerk_e machine_max_jerk_x
machine_max_jerk_y machine_max_jerk_z machine_max_junction_deviation machine_min_extruding_rate
machine_min_travel_rate max_layer_height min_bead_width min_feature_size min_layer_height
min_skirt_length notes nozzle_diameter ooze_prevention parking_pos_retraction post_process
print_settings_id printer_model printer_notes printer_settings_id printer_variant
raft_contact_distance raft_expansion raft_first_layer_density raft_first_layer_expansion
raft_layers resolution retract_before_wipe retract_length_toolchange retract_lift_above
retract_lift_below retract_restart_extra retract_restart_extra_toolchange seam_position
silent_mode single_extruder_multi_material skirt_distance skirt_height slice_closing_radius
slicing_mode standby_temperature_delta template_custom_gcode thick_bridges thumbnails
travel_acceleration travel_speed travel_speed_z use_firmware_retraction use_relative_e_distances
wall_distribution_count wall_transition_angle wall_transition_filter_deviation
wall_transition_length wipe wipe_tower_bridging wipe_tower_no_sparse_layers
wipe_tower_rotation_angle z_offset
"""
SAME = frozenset(_SAME.split())

RENAMED = {
    "bed_shape": "printable_area",
    "before_layer_gcode": "before_layer_change_gcode",
    "between_objects_gcode": "printing_by_object_gcode",
    "bottom_fill_pattern": "bottom_surface_pattern",
    "bottom_solid_layers": "bottom_shell_layers",
    "bottom_solid_min_thickness": "bottom_shell_thickness",
    "bridge_fan_speed": "overhang_fan_speed",
    "bridge_flow_ratio": "bridge_flow",
    "brim_separation": "brim_object_gap",
    "cooling": "slow_down_for_layer_cooling",
    "deretract_speed": "deretraction_speed",
    "disable_fan_first_layers": "close_fan_the_first_x_layers",
    "dont_support_bridges": "bridge_no_support",
    "end_filament_gcode": "filament_end_gcode",
    "end_gcode": "machine_end_gcode",
    "external_perimeter_acceleration": "outer_wall_acceleration",
    "extrusion_multiplier": "filament_flow_ratio",
    "fan_always_on": "reduce_fan_stop_start_freq",
    "fan_below_layer_time": "fan_cooling_layer_time",
    "filament_deretract_speed": "filament_deretraction_speed",
    "filament_retract_before_travel": "filament_retraction_minimum_travel",
    "filament_retract_layer_change": "filament_retract_when_changing_layer",
    "filament_retract_length": "filament_retraction_length",
    "filament_retract_lift": "filament_z_hop",
    "filament_retract_speed": "filament_retraction_speed",
    "fill_angle": "infill_direction",
    "fill_density": "sparse_infill_density",
    "fill_pattern": "sparse_infill_pattern",
    "first_layer_acceleration": "initial_layer_acceleration",
    "first_layer_bed_temperature": "hot_plate_temp_initial_layer",
    "first_layer_temperature": "nozzle_temperature_initial_layer",
    "bed_temperature": "hot_plate_temp",
    "fuzzy_skin_point_dist": "fuzzy_skin_point_distance",
    "gap_fill_speed": "gap_infill_speed",
    "infill_acceleration": "sparse_infill_acceleration",
    "infill_overlap": "infill_wall_overlap",
    "infill_speed": "sparse_infill_speed",
    "ironing_flowrate": "ironing_flow",
    "layer_gcode": "layer_change_gcode",
    "machine_max_feedrate_e": "machine_max_speed_e",
    "machine_max_feedrate_x": "machine_max_speed_x",
    "machine_max_feedrate_y": "machine_max_speed_y",
    "machine_max_feedrate_z": "machine_max_speed_z",
    "max_fan_speed": "fan_max_speed",
    "max_print_height": "printable_height",
    "min_fan_speed": "fan_min_speed",
    "min_print_speed": "slow_down_min_speed",
    "output_filename_format": "filename_format",
    "overhangs": "detect_overhang_wall",
    "pause_print_gcode": "machine_pause_gcode",
    "perimeter_acceleration": "inner_wall_acceleration",
    "perimeter_generator": "wall_generator",
    "perimeter_speed": "inner_wall_speed",
    "perimeters": "wall_loops",
    "retract_before_travel": "retraction_minimum_travel",
    "retract_layer_change": "retract_when_changing_layer",
    "retract_length": "retraction_length",
    "retract_lift": "z_hop",
    "retract_speed": "retraction_speed",
    "skirts": "skirt_loops",
    "slowdown_below_layer_time": "slow_down_layer_time",
    "solid_infill_acceleration": "internal_solid_infill_acceleration",
    "spiral_vase": "spiral_mode",
    "start_filament_gcode": "filament_start_gcode",
    "start_gcode": "machine_start_gcode",
    "support_material": "enable_support",
    "support_material_angle": "support_angle",
    "support_material_bottom_interface_layers": "support_interface_bottom_layers",
    "support_material_buildplate_only": "support_on_build_plate_only",
    "support_material_enforce_layers": "enforce_support_layers",
    "support_material_contact_distance": "support_top_z_distance",
    "support_material_interface_layers": "support_interface_top_layers",
    "support_material_interface_spacing": "support_interface_spacing",
    "support_material_spacing": "support_base_pattern_spacing",
    "support_material_speed": "support_speed",
    "support_material_threshold": "support_threshold_angle",
    "temperature": "nozzle_temperature",
    "thin_walls": "detect_thin_wall",
    "toolchange_gcode": "change_filament_gcode",
    "top_fill_pattern": "top_surface_pattern",
    "top_solid_infill_acceleration": "top_surface_acceleration",
    "top_solid_layers": "top_shell_layers",
    "top_solid_min_thickness": "top_shell_thickness",
    "wipe_tower": "enable_prime_tower",
    "wipe_tower_brim_width": "prime_tower_brim_width",
    "wipe_tower_width": "prime_tower_width",
}

# Widths in percent are of the layer height here and of the nozzle there; 0 is automatic in both.
WIDTHS = {
    "external_perimeter_extrusion_width": "outer_wall_line_width",
    "extrusion_width": "line_width",
    "first_layer_extrusion_width": "initial_layer_line_width",
    "infill_extrusion_width": "sparse_infill_line_width",
    "perimeter_extrusion_width": "inner_wall_line_width",
    "solid_infill_extrusion_width": "internal_solid_infill_line_width",
    "support_material_extrusion_width": "support_line_width",
    "top_infill_extrusion_width": "top_surface_line_width",
}

# Speeds that may be a percentage of another one here, and are millimetres a second there.
SPEEDS = {
    "external_perimeter_speed": ("outer_wall_speed", "perimeter_speed"),
    "first_layer_speed": ("initial_layer_speed", "perimeter_speed"),
    "small_perimeter_speed": ("small_perimeter_speed", "perimeter_speed"),
    "solid_infill_speed": ("internal_solid_infill_speed", "infill_speed"),
    "support_material_interface_speed": ("support_interface_speed", "support_material_speed"),
    "top_solid_infill_speed": ("top_surface_speed", "solid_infill_speed"),
}

CHOICES = {
    "sparse_infill_pattern": {"stars": "tri-hexagon", "zigzag": "zig-zag"},
    "seam_position": {"rear": "back"},
}


@dataclass(frozen=True, slots=True)
class Both:
    """A setting of theirs that takes another one to be understood."""

    needs: tuple[str, ...]
    name: str
    read: Callable[[Mapping[str, str]], str | None]


def translated(settings: Mapping[str, str]) -> dict[str, str]:
    found = {key: value for key, value in settings.items() if key in SAME}
    found |= {ours: settings[theirs] for theirs, ours in RENAMED.items() if theirs in settings}
    for ours, choices in CHOICES.items():
        if found.get(ours) in choices:
            found[ours] = choices[found[ours]]
    for theirs, ours in WIDTHS.items():
        if (value := _part_of(settings, theirs, "layer_height")) is not None:
            found[ours] = value
    for theirs, (ours, whole) in SPEEDS.items():
        if (value := _part_of(settings, theirs, whole)) is not None:
            found[ours] = value
    for both in TOGETHER:
        if all(key in settings for key in both.needs) and (value := both.read(settings)):
            found[both.name] = value
    return found


def _part_of(settings: Mapping[str, str], key: str, whole: str) -> str | None:
    """A percentage as what it comes to; None where that is not known."""
    value = settings.get(key, "")
    if not value.endswith("%"):
        return value if number(value) is not None else None
    base, share = _resolved(settings, whole), number(value[:-1])
    return f"{base * share / 100:g}" if base and share is not None else None


def _resolved(settings: Mapping[str, str], key: str) -> float | None:
    if key in SPEEDS:  # at most one step deep: of top over solid to sparse infill
        return number(_part_of(settings, key, SPEEDS[key][1]) or "")
    return number(settings.get(key, ""))


def _brim(settings: Mapping[str, str]) -> str | None:
    return "no_brim" if number(settings["brim_width"]) == 0 else settings["brim_type"]


def _ironing(settings: Mapping[str, str]) -> str | None:
    return settings["ironing_type"] if settings["ironing"] == "1" else "no ironing"


def _support_type(settings: Mapping[str, str]) -> str | None:
    kind = "tree" if settings["support_material_style"] in {"organic", "tree"} else "normal"
    return f"{kind}({'auto' if settings['support_material_auto'] == '1' else 'manual'})"


def _wall_sequence(settings: Mapping[str, str]) -> str | None:
    walls = ("inner wall", "outer wall")
    return "/".join(reversed(walls) if settings["external_perimeters_first"] == "1" else walls)


def _print_sequence(settings: Mapping[str, str]) -> str | None:
    return "by object" if settings["complete_objects"] == "1" else "by layer"


def _gap_fill(settings: Mapping[str, str]) -> str | None:
    return "everywhere" if settings["gap_fill_enabled"] == "1" else "nowhere"


def _size(settings: Mapping[str, str]) -> str | None:
    return settings["xy_size_compensation"]


def _first_layer(settings: Mapping[str, str]) -> str | None:
    return _part_of(settings, "first_layer_height", "layer_height")


def _support_bottom(settings: Mapping[str, str]) -> str | None:
    own = settings["support_material_bottom_contact_distance"]
    return settings["support_material_contact_distance"] if number(own) == 0 else own


def _support_distance(settings: Mapping[str, str]) -> str | None:
    value = settings["support_material_xy_spacing"]
    return None if value.endswith("%") else value


def _combined(settings: Mapping[str, str]) -> str | None:
    return "0" if settings["infill_every_layers"] in {"0", "1"} else "1"


def _first_infill(settings: Mapping[str, str]) -> str | None:
    return _part_of(settings, "first_layer_speed", "infill_speed")


TOGETHER = (
    Both(("brim_width", "brim_type"), "brim_type", _brim),
    Both(("ironing", "ironing_type"), "ironing_type", _ironing),
    Both(("support_material_style", "support_material_auto"), "support_type", _support_type),
    Both(("external_perimeters_first",), "wall_sequence", _wall_sequence),
    Both(("complete_objects",), "print_sequence", _print_sequence),
    Both(("gap_fill_enabled",), "gap_fill_target", _gap_fill),
    Both(("xy_size_compensation",), "xy_contour_compensation", _size),
    Both(("first_layer_speed",), "initial_layer_infill_speed", _first_infill),
    Both(("infill_every_layers",), "infill_combination", _combined),
    Both(("first_layer_height",), "initial_layer_print_height", _first_layer),
    Both(
        ("support_material_bottom_contact_distance", "support_material_contact_distance"),
        "support_bottom_z_distance",
        _support_bottom,
    ),
    Both(("support_material_xy_spacing",), "support_object_xy_distance", _support_distance),
)
