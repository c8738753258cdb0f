"""Cases of settings: cooling, retraction, speeds, structure, supports."""

from agent.slicer.rules import Evidence
from tests.agent.slicer.checks.case import INFO, settings_case

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

PROCESS_CASES = (
    # --- cooling ---
    settings_case(
        "fan-weak",
        {"fan_max_speed": "30", "fan_min_speed": "20"},
        {"fan_max_speed": "60", "fan_min_speed": "20"},
    ),
    settings_case("fan-strong", {"fan_min_speed": "70"}, {"fan_min_speed": "40"}, of="ABS"),
    settings_case(
        "fan-limits-swapped",
        {"fan_min_speed": "100", "fan_max_speed": "60"},
        {"fan_min_speed": "60", "fan_max_speed": "60"},
    ),
    settings_case(
        "fan-on-first-layer",
        {"close_fan_the_first_x_layers": "0"},
        {"close_fan_the_first_x_layers": "0", "fan_min_speed": "0"},
        severity=INFO,
    ),
    settings_case(
        "fan-on-first-layer",
        {"close_fan_the_first_x_layers": "0"},
        {"close_fan_the_first_x_layers": "1"},
        of="PETG",
    ),
    settings_case(
        "slowing-off", {"slow_down_for_layer_cooling": "0"}, {"slow_down_for_layer_cooling": "1"}
    ),
    settings_case("layer-time-short", {"slow_down_layer_time": "1"}, {"slow_down_layer_time": "4"}),
    settings_case("slowing-not-far", {"slow_down_min_speed": "80"}, {"slow_down_min_speed": "30"}),
    settings_case(
        "overhangs-uncooled",
        {"enable_overhang_bridge_fan": "0"},
        {"enable_overhang_bridge_fan": "0", "fan_min_speed": "80"},
        of="PETG",
    ),
    # --- retraction ---
    settings_case(
        "retraction-long",
        {"retraction_length": "5"},
        BOWDEN,
        evidence=Evidence("retraction_length", "5 mm", "at most 2 mm", "PLA"),
    ),
    settings_case(
        "retraction-long",
        {"filament_retraction_length": "3"},
        {"retraction_length": "5", "filament_retraction_length": "1.5"},
        evidence=Evidence("filament_retraction_length", "3 mm", "at most 2 mm", "PLA"),
    ),
    settings_case("retraction-long", BOWDEN | {"retraction_length": "10"}, BOWDEN),
    settings_case(
        "retraction-short",
        BOWDEN | {"retraction_length": "0.8", "pressure_advance": "0.5"},
        BOWDEN | {"pressure_advance": "0.5"},
    ),
    settings_case(
        "retraction-off",
        {"retraction_length": "0"},
        {"retraction_length": "0", "use_firmware_retraction": "1"},
    ),
    settings_case(
        "retraction-flexible",
        {"filament_retraction_length": "3"},
        {"filament_retraction_length": "1"},
        of="TPU",
        also=("flow-slows-print",),
        also_right=("flow-slows-print",),
    ),
    settings_case("retraction-speed", {"retraction_speed": "200"}, {"retraction_speed": "60"}),
    settings_case("retraction-speed", {"retraction_speed": "5"}, {"retraction_speed": "20"}),
    settings_case(
        "retraction-rare", {"retraction_minimum_travel": "10"}, {"retraction_minimum_travel": "3"}
    ),
    settings_case(
        "retraction-extra", {"retract_restart_extra": "0.3"}, {"retract_restart_extra": "0.05"}
    ),
    settings_case("z-hop-high", {"z_hop": "2"}, {"z_hop": "2", "filament_z_hop": "0.6"}),
    settings_case(
        "infill-crossing",
        {"z_hop": "0", "sparse_infill_density": "25%"},
        {"z_hop": "0", "sparse_infill_density": "25%", "sparse_infill_pattern": "gyroid"},
        severity=INFO,
    ),
    settings_case(
        "pressure-advance-off",
        {"enable_pressure_advance": "0", "outer_wall_speed": "120"},
        {
            "enable_pressure_advance": "0",
            "outer_wall_speed": "120",
            "printer_model": "Bambu Lab P1S",
        },
        severity=INFO,
    ),
    settings_case(
        "pressure-advance-value", {"pressure_advance": "0.5"}, {"pressure_advance": "0.06"}
    ),
    settings_case(
        "pressure-advance-value", {"pressure_advance": "0"}, {"pressure_advance": "0.02"}
    ),
    # --- speed ---
    settings_case(
        "speed-above-machine",
        {"travel_speed": "600"},
        {"travel_speed": "450"},
        severity=INFO,
        evidence=Evidence("travel_speed", "600 mm/s", "at most 500 mm/s"),
    ),
    settings_case(
        "acceleration-above-machine",
        {"outer_wall_acceleration": "30000"},
        {"outer_wall_acceleration": "20000"},
        severity=INFO,
    ),
    settings_case(
        "speed-never-reached",
        {"outer_wall_speed": "110", "outer_wall_acceleration": "200"},
        {"outer_wall_speed": "110", "outer_wall_acceleration": "1000"},
        severity=INFO,
        evidence=Evidence(
            "outer_wall_speed", "110 mm/s", "110 mm/s at 200 mm/s²", "lines longer than 60 mm"
        ),
    ),
    settings_case(
        "outer-wall-fastest",
        {"outer_wall_speed": "125"},
        {"outer_wall_speed": "120"},
        severity=INFO,
    ),
    settings_case("bridge-fast", {"bridge_speed": "200"}, {"bridge_speed": "100"}),
    settings_case("overhang-fast", {"overhang_4_4_speed": "100"}, {"overhang_4_4_speed": "60"}),
    settings_case(
        "overhang-slowing-off",
        {"enable_overhang_speed": "0"},
        {"enable_overhang_speed": "0", "outer_wall_speed": "50"},
        severity=INFO,
    ),
    settings_case("travel-slow", {"travel_speed": "60"}, {"travel_speed": "120"}, severity=INFO),
    settings_case(
        "arcs-for-klipper",
        {"enable_arc_fitting": "1"},
        {"enable_arc_fitting": "1", "gcode_flavor": "marlin2"},
        severity=INFO,
    ),
    settings_case("resolution-coarse", {"resolution": "0.1"}, {"resolution": "0.025"}),
    # --- structure ---
    settings_case("wall-single", {"wall_loops": "1"}, VASE),
    settings_case(
        "top-thin",
        {"top_shell_layers": "2", "top_shell_thickness": "0"},
        {"top_shell_layers": "2", "top_shell_thickness": "0.8"},
    ),
    settings_case("bottom-thin", {"bottom_shell_layers": "1"}, {"bottom_shell_layers": "2"}),
    settings_case(
        "infill-sparse", {"sparse_infill_density": "3%"}, {"sparse_infill_density": "10%"}
    ),
    settings_case(
        "infill-dense",
        {"sparse_infill_density": "80%"},
        {"sparse_infill_density": "100%"},
        severity=INFO,
    ),
    settings_case(
        "walls-thin-lost",
        {"wall_generator": "classic", "outer_wall_line_width": "0.6"},
        {"wall_generator": "classic"},
        severity=INFO,
    ),
    settings_case("vase-contradicted", VASE | {"wall_loops": "3"}, VASE),
    settings_case(
        "seam-random", {"seam_position": "random"}, {"seam_position": "back"}, severity=INFO
    ),
    settings_case(
        "wall-outer-first",
        {"wall_sequence": "outer wall/inner wall"},
        {"wall_sequence": "inner-outer-inner wall"},
        severity=INFO,
    ),
    settings_case(
        "ironing-flow", {"ironing_type": "top", "ironing_flow": "60%"}, {"ironing_flow": "60%"}
    ),
    settings_case("bridge-flow", {"bridge_flow": "0.3"}, {"bridge_flow": "0.8"}),
    settings_case("infill-overlap", {"infill_wall_overlap": "0%"}, {"infill_wall_overlap": "25%"}),
    settings_case(
        "offsets-large", {"xy_hole_compensation": "0.5"}, {"xy_hole_compensation": "0.1"}
    ),
    # --- supports ---
    settings_case(
        "support-welded",
        SUPPORTS | {"support_top_z_distance": "0"},
        SUPPORTS | {"support_top_z_distance": "0.15"},
    ),
    settings_case(
        "support-far",
        SUPPORTS | {"support_top_z_distance": "0.6"},
        SUPPORTS | {"support_top_z_distance": "0.3"},
    ),
    settings_case(
        "support-side-close",
        SUPPORTS | {"support_object_xy_distance": "0.1"},
        {"support_object_xy_distance": "0.1"},
    ),
    settings_case(
        "support-angle",
        SUPPORTS | {"support_threshold_angle": "80"},
        SUPPORTS | {"support_threshold_angle": "0"},
    ),
    settings_case(
        "support-interface",
        SUPPORTS | {"support_interface_top_layers": "0"},
        SUPPORTS,
        severity=INFO,
    ),
    settings_case(
        "overhangs-undetected",
        {"detect_overhang_wall": "0"},
        {"detect_overhang_wall": "1"},
        severity=INFO,
    ),
    # --- amounts ---
    settings_case(
        "weight-unknown", {"filament_density": "0"}, {"filament_density": "1.3"}, severity=INFO
    ),
    settings_case("shrinkage", {"filament_shrink": "90%"}, {"filament_shrink": "99.5%"}),
)
