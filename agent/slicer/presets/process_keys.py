"""The settings of a process preset, page by page as OrcaSlicer shows them."""

from agent.slicer.presets.key_kinds import Key, Page, listed
from agent.slicer.presets.quality_keys import QUALITY

_SURFACES = (
    "monotonic|monotonicline|rectilinear|alignedrectilinear|concentric|hilbertcurve"
    "|archimedeanchords|octagramspiral|zig-zag"
)
_INFILLS = (
    f"{_SURFACES}|zigzag|crosszag|lockedzag|line|grid|triangles|tri-hexagon|cubic|adaptivecubic"
    "|quartercubic|supportcubic|lightning|honeycomb|3dhoneycomb|2dhoneycomb|2dlattice"
    "|lateral-honeycomb|lateral-lattice|crosshatch|tpmsd|tpmsfk|gyroid"
)

_strength = Page("process", "Strength")
_speed = Page("process", "Speed")
_support = Page("process", "Support")
_multi = Page("process", "Multimaterial")
_other = Page("process", "Others")

STRENGTH: tuple[Key, ...] = (
    _strength.integer("wall_loops", "Wall loops", 0, 20),
    _strength.flag("alternate_extra_wall", "Alternate extra wall"),
    _strength.flag("detect_thin_wall", "Detect thin wall"),
    _strength.choice("top_surface_pattern", "Top surface pattern", _SURFACES),
    _strength.integer("top_shell_layers", "Top shell layers", 0, 50),
    _strength.number("top_shell_thickness", "Top shell thickness", "mm", 0, 10),
    _strength.choice("bottom_surface_pattern", "Bottom surface pattern", _SURFACES),
    _strength.integer("bottom_shell_layers", "Bottom shell layers", 0, 50),
    _strength.number("bottom_shell_thickness", "Bottom shell thickness", "mm", 0, 10),
    _strength.percent("top_bottom_infill_wall_overlap", "Top/Bottom solid infill overlap", 0, 100),
    _strength.percent("sparse_infill_density", "Sparse infill density", 0, 100),
    _strength.choice("sparse_infill_pattern", "Sparse infill pattern", _INFILLS),
    _strength.number("infill_direction", "Sparse infill direction", "°", 0, 360),
    _strength.number("solid_infill_direction", "Solid infill direction", "°", 0, 360),
    _strength.flag("rotate_solid_infill_direction", "Rotate solid infill direction"),
    _strength.part("infill_anchor", "Sparse infill anchor length", "mm", 1000, "line_width"),
    _strength.part("infill_anchor_max", "Maximum anchor length", "mm", 1000, "line_width"),
    _strength.choice("internal_solid_infill_pattern", "Internal solid infill pattern", _SURFACES),
    _strength.choice("gap_fill_target", "Apply gap fill", "everywhere|topbottom|nowhere"),
    _strength.number("filter_out_gap_fill", "Filter out tiny gaps", "mm", 0, 10),
    _strength.percent("infill_wall_overlap", "Infill/Wall overlap", 0, 100),
    _strength.percent("top_surface_density", "Top surface density", 0, 100),
    _strength.percent("bottom_surface_density", "Bottom surface density", 10, 100),
    _strength.integer("fill_multiline", "Fill Multiline", 1, 10),
    _strength.percent("skin_infill_density", "Skin infill density", 0, 100),
    _strength.percent("skeleton_infill_density", "Skeleton infill density", 0, 100),
    _strength.number("skin_infill_depth", "Skin infill depth", "mm", 0, 100),
    _strength.number("infill_overhang_angle", "Infill overhang angle", "°", 5, 75),
    _strength.flag("align_infill_direction_to_model", "Align infill direction to model"),
    _strength.text("sparse_infill_rotate_template", "Sparse infill rotation template"),
    _strength.text("solid_infill_rotate_template", "Solid infill rotation template"),
    _strength.flag("infill_combination", "Infill combination"),
    _strength.part(
        "infill_combination_max_layer_height", "Maximum layer height", "mm", 2, "nozzle_diameter"
    ),
    _strength.number(
        "minimum_sparse_infill_area", "Minimum sparse infill threshold", "mm²", 0, 200
    ),
    _strength.number("bridge_angle", "External bridge direction", "°", 0, 180),
    _strength.number("internal_bridge_angle", "Internal bridge direction", "°", 0, 180),
    _strength.flag("detect_narrow_internal_solid_infill", "Detect narrow internal solid infill"),
    _strength.choice(
        "ensure_vertical_shell_thickness",
        "Ensure vertical shell thickness",
        "none|ensure_critical_only|ensure_moderate|ensure_all",
    ),
)

SPEED: tuple[Key, ...] = (
    _speed.number("initial_layer_speed", "First layer", "mm/s", 1, 500),
    _speed.number("initial_layer_infill_speed", "First layer infill", "mm/s", 1, 500),
    _speed.part(
        "initial_layer_travel_speed", "First layer travel speed", "mm/s", 1000, "travel_speed"
    ),
    _speed.integer("slow_down_layers", "Number of slow layers", 0, 50),
    _speed.number("outer_wall_speed", "Outer wall", "mm/s", 1, 1000),
    _speed.number("inner_wall_speed", "Inner wall", "mm/s", 1, 1000),
    _speed.part("small_perimeter_speed", "Small perimeters", "mm/s", 1000, "outer_wall_speed"),
    _speed.number("small_perimeter_threshold", "Small perimeters threshold", "mm", 0, 100),
    _speed.number("sparse_infill_speed", "Sparse infill", "mm/s", 1, 1000),
    _speed.number("internal_solid_infill_speed", "Internal solid infill", "mm/s", 1, 1000),
    _speed.number("top_surface_speed", "Top surface", "mm/s", 1, 1000),
    _speed.number("gap_infill_speed", "Gap infill", "mm/s", 1, 1000),
    _speed.number("ironing_speed", "Ironing speed", "mm/s", 1, 500),
    _speed.number("support_speed", "Support", "mm/s", 1, 1000),
    _speed.number("support_interface_speed", "Support interface", "mm/s", 1, 1000),
    _speed.flag("enable_overhang_speed", "Slow down for overhangs"),
    _speed.flag("overhang_speed_classic", "Classic mode"),
    _speed.flag("slowdown_for_curled_perimeters", "Slow down for curled perimeters"),
    _speed.part("overhang_1_4_speed", "Overhang speed 10-25 %", "mm/s", 1000, "outer_wall_speed"),
    _speed.part("overhang_2_4_speed", "Overhang speed 25-50 %", "mm/s", 1000, "outer_wall_speed"),
    _speed.part("overhang_3_4_speed", "Overhang speed 50-75 %", "mm/s", 1000, "outer_wall_speed"),
    _speed.part("overhang_4_4_speed", "Overhang speed 75-100 %", "mm/s", 1000, "outer_wall_speed"),
    _speed.number("bridge_speed", "External bridge speed", "mm/s", 1, 500),
    _speed.part("internal_bridge_speed", "Internal bridge speed", "mm/s", 500, "bridge_speed"),
    _speed.number("travel_speed", "Travel", "mm/s", 1, 1500),
    _speed.number("travel_speed_z", "Travel speed of Z", "mm/s", 0, 200),
    _speed.number("default_acceleration", "Normal printing acceleration", "mm/s²", 0, 50_000),
    _speed.number("initial_layer_acceleration", "First layer acceleration", "mm/s²", 0, 50_000),
    _speed.number("outer_wall_acceleration", "Outer wall acceleration", "mm/s²", 0, 50_000),
    _speed.number("inner_wall_acceleration", "Inner wall acceleration", "mm/s²", 0, 50_000),
    _speed.part(
        "bridge_acceleration", "Bridge acceleration", "mm/s²", 50_000, "outer_wall_acceleration"
    ),
    _speed.part(
        "sparse_infill_acceleration",
        "Sparse infill acceleration",
        "mm/s²",
        50_000,
        "default_acceleration",
    ),
    _speed.part(
        "internal_solid_infill_acceleration",
        "Internal solid infill acceleration",
        "mm/s²",
        50_000,
        "default_acceleration",
    ),
    _speed.number("top_surface_acceleration", "Top surface acceleration", "mm/s²", 0, 50_000),
    _speed.number("travel_acceleration", "Travel acceleration", "mm/s²", 0, 50_000),
    _speed.part(
        "initial_layer_travel_acceleration",
        "First layer travel acceleration",
        "mm/s²",
        50_000,
        "travel_acceleration",
    ),
    _speed.flag("accel_to_decel_enable", "Enable accel_to_decel"),
    _speed.percent("accel_to_decel_factor", "accel_to_decel", 1, 100),
    _speed.number("default_jerk", "Default jerk", "mm/s", 0, 50),
    _speed.number("default_junction_deviation", "Junction deviation", "mm", 0, 0.3),
    _speed.number("outer_wall_jerk", "Outer wall jerk", "mm/s", 0, 50),
    _speed.number("inner_wall_jerk", "Inner wall jerk", "mm/s", 0, 50),
    _speed.number("infill_jerk", "Infill jerk", "mm/s", 0, 50),
    _speed.number("top_surface_jerk", "Top surface jerk", "mm/s", 0, 50),
    _speed.number("initial_layer_jerk", "First layer jerk", "mm/s", 0, 50),
    _speed.number("travel_jerk", "Travel jerk", "mm/s", 0, 50),
    _speed.part("initial_layer_travel_jerk", "First layer travel jerk", "mm/s", 50, "travel_jerk"),
    _speed.flag(
        "extrusion_rate_smoothing_external_perimeter_only", "Apply only on external features"
    ),
    _speed.number(
        "max_volumetric_extrusion_rate_slope", "Extrusion rate smoothing", "mm³/s²", 0, 1000
    ),
    _speed.number(
        "max_volumetric_extrusion_rate_slope_segment_length",
        "Smoothing segment length",
        "mm",
        0.5,
        5,
    ),
)

SUPPORT: tuple[Key, ...] = (
    _support.flag("enable_support", "Enable support"),
    _support.choice("support_type", "Type", "normal(auto)|tree(auto)|normal(manual)|tree(manual)"),
    _support.choice(
        "support_style", "Style", "default|grid|snug|organic|tree_slim|tree_strong|tree_hybrid"
    ),
    _support.integer("support_threshold_angle", "Threshold angle", 0, 90, "°"),
    _support.part("support_threshold_overlap", "Threshold overlap", "mm", 2, "line_width"),
    _support.flag("support_on_build_plate_only", "On build plate only"),
    _support.flag("support_critical_regions_only", "Support critical regions only"),
    _support.flag("support_remove_small_overhang", "Ignore small overhangs"),
    _support.integer("enforce_support_layers", "Enforce support layers", 0, 5000),
    _support.integer("raft_layers", "Raft layers", 0, 100),
    _support.number("raft_contact_distance", "Raft contact Z distance", "mm", 0, 2),
    _support.number("raft_expansion", "Raft expansion", "mm", 0, 20),
    _support.percent("raft_first_layer_density", "First layer density", 10, 100),
    _support.number("raft_first_layer_expansion", "First layer expansion", "mm", 0, 20),
    _support.number("support_top_z_distance", "Top Z distance", "mm", 0, 2),
    _support.number("support_bottom_z_distance", "Bottom Z distance", "mm", 0, 2),
    _support.choice(
        "support_base_pattern",
        "Base pattern",
        "default|rectilinear|rectilinear-grid|honeycomb|lightning|hollow",
    ),
    _support.number("support_base_pattern_spacing", "Base pattern spacing", "mm", 0, 20),
    _support.number("support_angle", "Pattern angle", "°", 0, 359),
    _support.integer("support_interface_top_layers", "Top interface layers", 0, 20),
    _support.integer("support_interface_bottom_layers", "Bottom interface layers", -1, 20),
    _support.choice(
        "support_interface_pattern",
        "Interface pattern",
        "auto|rectilinear|concentric|rectilinear_interlaced|grid",
    ),
    _support.number("support_interface_spacing", "Top interface spacing", "mm", 0, 5),
    _support.number("support_bottom_interface_spacing", "Bottom interface spacing", "mm", 0, 5),
    _support.flag("support_interface_loop_pattern", "Interface use loop pattern"),
    _support.number("support_expansion", "Normal Support expansion", "mm", -5, 10),
    _support.part(
        "support_object_xy_distance", "Support/object XY distance", "mm", 10, "line_width"
    ),
    _support.number(
        "support_object_first_layer_gap", "Support/object first layer gap", "mm", 0, 10
    ),
    _support.flag("support_ironing", "Ironing Support Interface"),
    _support.percent("support_ironing_flow", "Support Ironing flow", 0, 100),
    _support.number("support_ironing_spacing", "Support Ironing line spacing", "mm", 0, 1),
    _support.flag("bridge_no_support", "Don't support bridges"),
    _support.number("max_bridge_length", "Max bridge length", "mm", 0, 200),
    _support.flag("independent_support_layer_height", "Independent support layer height"),
    _support.number("tree_support_tip_diameter", "Tip diameter", "mm", 0.1, 10),
    _support.number("tree_support_branch_distance", "Tree support branch distance", "mm", 1, 20),
    _support.number(
        "tree_support_branch_distance_organic", "Tree support branch distance", "mm", 1, 20
    ),
    _support.percent("tree_support_top_rate", "Branch density", 5, 35),
    _support.number("tree_support_branch_diameter", "Tree support branch diameter", "mm", 1, 10),
    _support.number(
        "tree_support_branch_diameter_organic", "Tree support branch diameter", "mm", 1, 10
    ),
    _support.number("tree_support_branch_diameter_angle", "Branch diameter angle", "°", 0, 15),
    _support.number("tree_support_branch_angle", "Tree support branch angle", "°", 0, 60),
    _support.number("tree_support_branch_angle_organic", "Tree support branch angle", "°", 0, 60),
    _support.number("tree_support_angle_slow", "Preferred branch angle", "°", 10, 85),
    _support.integer("tree_support_wall_count", "Support wall loops", 0, 5),
    _support.flag("tree_support_adaptive_layer_height", "Adaptive layer height"),
    _support.flag("tree_support_auto_brim", "Auto brim width"),
    _support.number("tree_support_brim_width", "Tree support brim width", "mm", 0, 50),
)

MULTIMATERIAL: tuple[Key, ...] = (
    _multi.flag("enable_prime_tower", "Enable prime tower"),
    _multi.number("prime_tower_width", "Width", "mm", 2, 200),
    _multi.number("prime_volume", "Prime volume", "mm³", 0, 500),
    _multi.number("prime_tower_brim_width", "Brim width", "mm", -1, 50),
    _multi.number("wipe_tower_rotation_angle", "Wipe tower rotation angle", "°", -360, 360),
    _multi.number("wipe_tower_bridging", "Maximal bridging distance", "mm", 0, 50),
    _multi.number("wipe_tower_cone_angle", "Stabilization cone apex angle", "°", 0, 90),
    _multi.percent("wipe_tower_extra_spacing", "Wipe tower purge lines spacing", 100, 300),
    _multi.percent("wipe_tower_extra_flow", "Extra flow for purging", 100, 300),
    _multi.number("wipe_tower_max_purge_speed", "Maximum wipe tower print speed", "mm/s", 10, 500),
    _multi.flag("wipe_tower_no_sparse_layers", "No sparse layers (beta)"),
    _multi.flag("single_extruder_multi_material_priming", "Prime all printing extruders"),
    _multi.integer("wall_filament", "Walls", 0, 64),
    _multi.integer("sparse_infill_filament", "Infill", 0, 64),
    _multi.integer("solid_infill_filament", "Solid infill", 0, 64),
    _multi.integer("wipe_tower_filament", "Wipe tower", 0, 64),
    _multi.integer("support_filament", "Support/raft base", 0, 64),
    _multi.integer("support_interface_filament", "Support/raft interface", 0, 64),
    _multi.flag("support_interface_not_for_body", "Avoid interface filament for base"),
    _multi.flag("ooze_prevention", "Enable ooze prevention"),
    _multi.number("standby_temperature_delta", "Temperature variation", "°C", -100, 100),
    _multi.number("preheat_time", "Preheat time", "s", 0, 120),
    _multi.integer("preheat_steps", "Preheat steps", 1, 10),
    _multi.flag("flush_into_infill", "Flush into objects' infill"),
    _multi.flag("flush_into_objects", "Flush into this object"),
    _multi.flag("flush_into_support", "Flush into objects' support"),
    _multi.flag("interface_shells", "Interface shells"),
    _multi.number(
        "mmu_segmented_region_max_width", "Maximum width of a segmented region", "mm", 0, 20
    ),
    _multi.flag("interlocking_beam", "Use beam interlocking"),
    _multi.number("interlocking_beam_width", "Interlocking beam width", "mm", 0.1, 5),
)

OTHERS: tuple[Key, ...] = (
    _other.integer("skirt_loops", "Skirt loops", 0, 10),
    _other.choice("skirt_type", "Skirt type", "combined|perobject"),
    _other.number("min_skirt_length", "Skirt minimum extrusion length", "mm", 0, 1000),
    _other.number("skirt_distance", "Skirt distance", "mm", 0, 60),
    _other.integer("skirt_height", "Skirt height", 0, 1000, "layers"),
    _other.number("skirt_start_angle", "Skirt start point", "°", -180, 180),
    _other.flag("single_loop_draft_shield", "Single loop after first layer"),
    _other.number("skirt_speed", "Skirt speed", "mm/s", 0, 500),
    _other.choice("draft_shield", "Draft shield", "disabled|enabled"),
    _other.choice(
        "brim_type",
        "Brim type",
        "auto_brim|brim_ears|painted|outer_only|inner_only|outer_and_inner|no_brim",
    ),
    _other.number("brim_width", "Brim width", "mm", 0, 100),
    _other.number("brim_object_gap", "Brim-object gap", "mm", 0, 2),
    _other.number("brim_ears_max_angle", "Brim ear max angle", "°", 0, 180),
    _other.number("brim_ears_detection_length", "Brim ear detection radius", "mm", 0, 50),
    _other.choice("slicing_mode", "Slicing mode", "regular|even_odd|close_holes"),
    _other.choice("print_sequence", "Print sequence", "by layer|by object"),
    _other.choice("print_order", "Intra-layer order", "default|as_obj_list"),
    _other.flag("spiral_mode", "Spiral vase"),
    _other.flag("spiral_mode_smooth", "Smooth Spiral"),
    _other.part("spiral_mode_max_xy_smoothing", "Max XY Smoothing", "mm", 5, "nozzle_diameter"),
    _other.choice("timelapse_type", "Timelapse", "0|1"),
    _other.choice("fuzzy_skin", "Fuzzy Skin", "none|external|all|allwalls"),
    _other.choice(
        "fuzzy_skin_noise_type",
        "Fuzzy skin noise type",
        "classic|perlin|billow|ridgedmulti|voronoi",
    ),
    _other.choice(
        "fuzzy_skin_mode", "Fuzzy skin generator mode", "displacement|extrusion|combined"
    ),
    _other.number("fuzzy_skin_scale", "Fuzzy skin feature size", "mm", 0.1, 500),
    _other.integer("fuzzy_skin_octaves", "Fuzzy skin noise octaves", 1, 10),
    _other.number("fuzzy_skin_persistence", "Fuzzy skin noise persistence", "", 0.01, 1),
    _other.number("fuzzy_skin_point_distance", "Fuzzy skin point distance", "mm", 0.05, 5),
    _other.number("fuzzy_skin_thickness", "Fuzzy skin thickness", "mm", 0.05, 1.5),
    _other.flag("fuzzy_skin_first_layer", "Apply fuzzy skin to first layer"),
    _other.flag("reduce_infill_retraction", "Reduce infill retraction"),
    _other.flag("gcode_add_line_number", "Add line number"),
    _other.flag("gcode_comments", "Verbose G-code"),
    _other.flag("gcode_label_objects", "Label Objects"),
    _other.flag("exclude_object", "Exclude objects"),
    _other.text("filename_format", "Filename format"),
    listed(_other.text("post_process", "Post-processing Scripts")),
    _other.text("notes", "Notes"),
    listed(_other.text("compatible_printers", "Compatible printers")),
    _other.text("compatible_printers_condition", "Compatible printers condition"),
)

PROCESS_KEYS = (*QUALITY, *STRENGTH, *SPEED, *SUPPORT, *MULTIMATERIAL, *OTHERS)
