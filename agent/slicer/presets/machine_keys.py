"""The settings of a printer preset, page by page as OrcaSlicer shows them.

What says where a printer is and how one signs in there has no place here: it is nobody's advice."""

from agent.slicer.presets.key_kinds import Key, Page, listed

_basic = Page("machine", "Basic information")
_gcode = Page("machine", "Machine G-code")
_motion = Page("machine", "Motion ability", is_list=True)
_fixed = Page("machine", "Motion ability")
_multi = Page("machine", "Multimaterial")
_extruder = Page("machine", "Extruder", is_list=True)
_notes = Page("machine", "Notes")

BASIC: tuple[Key, ...] = (
    _basic.points("printable_area", "Printable area"),
    _basic.number("printable_height", "Printable height", "mm", 1, 2000),
    _basic.points("bed_exclude_area", "Excluded bed area"),
    _basic.flag("support_multi_bed_types", "Support multi bed types"),
    _basic.text("best_object_pos", "Best object position"),
    _basic.number("z_offset", "Z offset", "mm", -2, 2),
    _basic.number("preferred_orientation", "Preferred orientation", "°", -180, 180),
    _basic.choice(
        "gcode_flavor",
        "G-code flavor",
        "marlin|marlin2|klipper|reprapfirmware|reprap|repetier|smoothie|sailfish|mach3|machinekit"
        "|makerware|teacup|no-extrusion",
    ),
    _basic.flag("pellet_modded_printer", "Pellet Modded Printer"),
    _basic.flag("disable_m73", "Disable set remaining print time"),
    _basic.text("thumbnails", "G-code thumbnails"),
    _basic.choice("thumbnails_format", "Format of G-code thumbnails", "PNG|JPG|QOI|BTT_TFT|COLPIC"),
    _basic.flag("use_relative_e_distances", "Use relative E distances"),
    _basic.flag("use_firmware_retraction", "Use firmware retraction"),
    _basic.number("time_cost", "Time cost", "money/h", 0, 1000),
    _basic.number("fan_speedup_time", "Fan speed-up time", "s", -10, 10),
    _basic.flag("fan_speedup_overhangs", "Only overhangs"),
    _basic.number("fan_kickstart", "Fan kick-start time", "s", 0, 10),
    _basic.number("extruder_clearance_radius", "Radius", "mm", 0, 500),
    _basic.number("extruder_clearance_height_to_rod", "Height to rod", "mm", 0, 500),
    _basic.number("extruder_clearance_height_to_lid", "Height to lid", "mm", 0, 1000),
    _basic.text("bed_mesh_min", "Bed mesh min"),
    _basic.text("bed_mesh_max", "Bed mesh max"),
    _basic.text("bed_mesh_probe_distance", "Probe point distance"),
    _basic.number("adaptive_bed_mesh_margin", "Mesh margin", "mm", 0, 100),
    _basic.choice("printer_structure", "Printer structure", "undefine|corexy|i3|hbot|delta"),
    listed(
        _basic.choice(
            "nozzle_type",
            "Nozzle type",
            "undefine|hardened_steel|stainless_steel|tungsten_carbide|brass",
        )
    ),
    _basic.integer("nozzle_hrc", "Nozzle HRC", 0, 500),
    _basic.number("nozzle_height", "Nozzle height", "mm", 0, 50),
    listed(_basic.number("nozzle_volume", "Nozzle volume", "mm³", 0, 500)),
    _basic.flag("auxiliary_fan", "Auxiliary part cooling fan"),
    _basic.flag("support_chamber_temp_control", "Support controlling chamber temperature"),
    _basic.flag("support_air_filtration", "Support air filtration"),
    _basic.flag("scan_first_layer", "Scan first layer"),
    _basic.flag("silent_mode", "Supports silent mode"),
    _basic.text("printer_model", "Printer model"),
    _basic.text("printer_variant", "Printer variant"),
    _basic.text("default_print_profile", "Default process profile"),
    listed(_basic.text("default_filament_profile", "Default filament profile")),
    listed(_basic.text("upward_compatible_machine", "Upward compatible machine")),
)

GCODE: tuple[Key, ...] = (
    _gcode.gcode("machine_start_gcode", "Machine start G-code"),
    _gcode.gcode("machine_end_gcode", "Machine end G-code"),
    _gcode.gcode("printing_by_object_gcode", "Between objects G-code"),
    _gcode.gcode("before_layer_change_gcode", "Before layer change G-code"),
    _gcode.gcode("layer_change_gcode", "Layer change G-code"),
    _gcode.gcode("time_lapse_gcode", "Timelapse G-code"),
    _gcode.gcode("change_filament_gcode", "Change filament G-code"),
    _gcode.gcode("change_extrusion_role_gcode", "Change extrusion role G-code"),
    _gcode.gcode("machine_pause_gcode", "Pause G-code"),
    _gcode.gcode("template_custom_gcode", "Template Custom G-code"),
)

MOTION: tuple[Key, ...] = (
    _fixed.flag("emit_machine_limits_to_gcode", "Emit limits to G-code"),
    _motion.number("machine_max_speed_x", "Maximum speed X", "mm/s", 1, 2000),
    _motion.number("machine_max_speed_y", "Maximum speed Y", "mm/s", 1, 2000),
    _motion.number("machine_max_speed_z", "Maximum speed Z", "mm/s", 0.1, 500),
    _motion.number("machine_max_speed_e", "Maximum speed E", "mm/s", 1, 500),
    _motion.number("machine_max_acceleration_x", "Maximum acceleration X", "mm/s²", 1, 100_000),
    _motion.number("machine_max_acceleration_y", "Maximum acceleration Y", "mm/s²", 1, 100_000),
    _motion.number("machine_max_acceleration_z", "Maximum acceleration Z", "mm/s²", 1, 20_000),
    _motion.number("machine_max_acceleration_e", "Maximum acceleration E", "mm/s²", 1, 100_000),
    _motion.number(
        "machine_max_acceleration_extruding",
        "Maximum acceleration for extruding",
        "mm/s²",
        0,
        100_000,
    ),
    _motion.number(
        "machine_max_acceleration_retracting",
        "Maximum acceleration for retracting",
        "mm/s²",
        0,
        100_000,
    ),
    _motion.number(
        "machine_max_acceleration_travel", "Maximum acceleration for travel", "mm/s²", 0, 100_000
    ),
    _motion.number("machine_max_jerk_x", "Maximum jerk X", "mm/s", 0, 100),
    _motion.number("machine_max_jerk_y", "Maximum jerk Y", "mm/s", 0, 100),
    _motion.number("machine_max_jerk_z", "Maximum jerk Z", "mm/s", 0, 50),
    _motion.number("machine_max_jerk_e", "Maximum jerk E", "mm/s", 0, 100),
    _motion.number("machine_max_junction_deviation", "Maximum Junction Deviation", "mm", 0, 0.3),
    *(
        _fixed.number(
            f"input_shaping_freq_{axis}", f"Input shaping frequency {axis.upper()}", "Hz", 0, 1000
        )
        for axis in "xy"
    ),
    *(
        _fixed.number(
            f"input_shaping_damp_{axis}", f"Input shaping damping {axis.upper()}", "", 0, 1
        )
        for axis in "xy"
    ),
    _fixed.flag("input_shaping_emit", "Emit input shaping"),
    _fixed.text("input_shaping_type", "Input shaper type"),
    _fixed.flag("resonance_avoidance", "Resonance Avoidance"),
    _fixed.number(
        "min_resonance_avoidance_speed", "Resonance avoidance speed, Min", "mm/s", 1, 500
    ),
    _fixed.number(
        "max_resonance_avoidance_speed", "Resonance avoidance speed, Max", "mm/s", 1, 500
    ),
    _motion.number("machine_min_extruding_rate", "Minimum speed for extruding", "mm/s", 0, 100),
    _motion.number("machine_min_travel_rate", "Minimum travel speed", "mm/s", 0, 100),
)

MULTIMATERIAL: tuple[Key, ...] = (
    _multi.flag("single_extruder_multi_material", "Single Extruder Multi Material"),
    _multi.flag("manual_filament_change", "Manual Filament Change"),
    _multi.flag("purge_in_prime_tower", "Purge in prime tower"),
    _multi.flag("enable_filament_ramming", "Enable filament ramming"),
    _multi.number("cooling_tube_retraction", "Cooling tube position", "mm", 0, 200),
    _multi.number("cooling_tube_length", "Cooling tube length", "mm", 0, 200),
    _multi.number("parking_pos_retraction", "Filament parking position", "mm", 0, 300),
    _multi.number("extra_loading_move", "Extra loading distance", "mm", -100, 100),
    _multi.flag("high_current_on_filament_swap", "High extruder current on filament swap"),
    _multi.number("machine_load_filament_time", "Filament load time", "s", 0, 600),
    _multi.number("machine_unload_filament_time", "Filament unload time", "s", 0, 600),
    _multi.number("machine_tool_change_time", "Tool change time", "s", 0, 600),
)

EXTRUDER: tuple[Key, ...] = (
    _extruder.number("nozzle_diameter", "Nozzle diameter", "mm", 0.1, 2),
    _extruder.choice("extruder_type", "Type", "Direct Drive|DirectDrive|Bowden"),
    _extruder.number("min_layer_height", "Layer height limits, Min", "mm", 0.01, 1),
    _extruder.number("max_layer_height", "Layer height limits, Max", "mm", 0.02, 2),
    listed(_extruder.text("extruder_offset", "Extruder offset")),
    _extruder.text("extruder_colour", "Extruder Color"),
    _extruder.number("retraction_length", "Length", "mm", 0, 15),
    _extruder.number("retract_restart_extra", "Extra length on restart", "mm", -2, 10),
    _extruder.number("retraction_speed", "Retraction speed", "mm/s", 1, 200),
    _extruder.number("deretraction_speed", "Deretraction speed", "mm/s", 0, 200),
    _extruder.number("retraction_minimum_travel", "Travel distance threshold", "mm", 0, 50),
    _extruder.flag("retract_when_changing_layer", "Retract on layer change"),
    _extruder.flag("wipe", "Wipe while retracting"),
    _extruder.number("wipe_distance", "Wipe distance", "mm", 0, 20),
    _extruder.percent("retract_before_wipe", "Retract amount before wipe", 0, 100),
    _extruder.choice(
        "retract_lift_enforce", "On surfaces", "All Surfaces|Top Only|Bottom Only|Top and Bottom"
    ),
    _extruder.choice("z_hop_types", "Z-hop type", "Auto Lift|Normal Lift|Slope Lift|Spiral Lift"),
    _extruder.number("z_hop", "Z-hop height", "mm", 0, 5),
    _extruder.number("travel_slope", "Traveling angle", "°", 1, 90),
    _extruder.number("retract_lift_above", "Only lift Z above", "mm", 0, 2000),
    _extruder.number("retract_lift_below", "Only lift Z below", "mm", 0, 2000),
    _extruder.number("retract_length_toolchange", "Length when switching material", "mm", 0, 100),
    _extruder.number(
        "retract_restart_extra_toolchange", "Extra length on restart after switching", "mm", -5, 20
    ),
    _extruder.flag("long_retractions_when_cut", "Long retraction when cut"),
    _extruder.number("retraction_distances_when_cut", "Retraction distance when cut", "mm", 0, 30),
)

NOTES: tuple[Key, ...] = (_notes.text("printer_notes", "Printer notes"),)

MACHINE_KEYS = (*BASIC, *GCODE, *MOTION, *MULTIMATERIAL, *EXTRUDER, *NOTES)
