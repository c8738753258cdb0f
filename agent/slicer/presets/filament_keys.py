"""The settings of a filament preset, page by page as OrcaSlicer shows them."""

from agent.slicer.presets.key_kinds import Key, Page, listed, nullable

_filament = Page("filament", "Filament", is_list=True)
_cooling = Page("filament", "Cooling", is_list=True)
_overrides = Page("filament", "Setting Overrides", is_list=True)
_advanced = Page("filament", "Advanced", is_list=True)
_multi = Page("filament", "Multimaterial", is_list=True)
_single = Page("filament", "Dependencies")

_PLATES = (
    ("supertack_plate_temp", "Cool Plate SuperTack"),
    ("cool_plate_temp", "Cool Plate"),
    ("textured_cool_plate_temp", "Textured Cool Plate"),
    ("eng_plate_temp", "Engineering Plate"),
    ("hot_plate_temp", "Smooth High Temp Plate"),
    ("textured_plate_temp", "Textured PEI Plate"),
)

FILAMENT: tuple[Key, ...] = (
    _filament.text("filament_type", "Type"),
    _filament.text("filament_vendor", "Vendor"),
    _filament.flag("filament_soluble", "Soluble material"),
    _filament.flag("filament_is_support", "Support material"),
    _filament.integer("required_nozzle_HRC", "Required nozzle HRC", 0, 500),
    _filament.text("default_filament_colour", "Default color"),
    _filament.number("filament_diameter", "Diameter", "mm", 1, 3.5),
    _filament.number("filament_density", "Density", "g/cm³", 0.3, 10),
    _filament.percent("filament_shrink", "Shrinkage (XY)", 90, 110),
    _filament.percent("filament_shrinkage_compensation_z", "Shrinkage (Z)", 90, 110),
    _filament.number("filament_cost", "Price", "money/kg", 0, 10_000),
    _filament.integer("temperature_vitrification", "Softening temperature", 0, 300, "°C"),
    _filament.integer("idle_temperature", "Idle temperature", 0, 400, "°C"),
    _filament.integer(
        "nozzle_temperature_range_low", "Recommended nozzle temperature Min", 0, 500, "°C"
    ),
    _filament.integer(
        "nozzle_temperature_range_high", "Recommended nozzle temperature Max", 0, 500, "°C"
    ),
    _filament.number("filament_flow_ratio", "Flow ratio", "", 0.5, 1.5),
    _filament.number("pellet_flow_coefficient", "Pellet flow coefficient", "", 0.01, 5),
    _filament.flag("enable_pressure_advance", "Enable pressure advance"),
    _filament.number("pressure_advance", "Pressure advance", "s", 0, 2),
    _filament.flag("adaptive_pressure_advance", "Enable adaptive pressure advance"),
    _filament.text("adaptive_pressure_advance_model", "Adaptive pressure advance measurements"),
    _filament.flag(
        "adaptive_pressure_advance_overhangs", "Adaptive pressure advance for overhangs"
    ),
    _filament.number(
        "adaptive_pressure_advance_bridges", "Pressure advance for bridges", "s", 0, 2
    ),
    _filament.integer(
        "nozzle_temperature_initial_layer", "First layer nozzle temperature", 0, 500, "°C"
    ),
    _filament.integer("nozzle_temperature", "Nozzle temperature", 0, 500, "°C"),
    *(
        _filament.integer(f"{key}_initial_layer", f"{name}, first layer", 0, 160, "°C")
        for key, name in _PLATES
    ),
    *(_filament.integer(key, name, 0, 160, "°C") for key, name in _PLATES),
    _filament.integer("chamber_temperature", "Chamber temperature", 0, 100, "°C"),
    _filament.flag("activate_chamber_temp_control", "Activate temperature control"),
    _filament.number("filament_max_volumetric_speed", "Max volumetric speed", "mm³/s", 0, 100),
)

COOLING: tuple[Key, ...] = (
    _cooling.integer("close_fan_the_first_x_layers", "No cooling for the first", 0, 1000, "layers"),
    _cooling.integer("full_fan_speed_layer", "Full fan speed at layer", 0, 1000),
    _cooling.number("fan_min_speed", "Fan speed, min", "%", 0, 100),
    _cooling.number("fan_max_speed", "Fan speed, max", "%", 0, 100),
    _cooling.number("fan_cooling_layer_time", "Layer time of min fan speed", "s", 0, 1000),
    _cooling.number("slow_down_layer_time", "Layer time of max fan speed", "s", 0, 1000),
    _cooling.flag("reduce_fan_stop_start_freq", "Keep fan always on"),
    _cooling.flag("slow_down_for_layer_cooling", "Slow printing down for better layer cooling"),
    _cooling.flag("dont_slow_down_outer_wall", "Don't slow down outer walls"),
    _cooling.number("slow_down_min_speed", "Min print speed", "mm/s", 0, 200),
    _cooling.flag("enable_overhang_bridge_fan", "Force cooling for overhangs and bridges"),
    _cooling.choice(
        "overhang_fan_threshold", "Overhang cooling activation threshold", "0%|10%|25%|50%|75%|95%"
    ),
    _cooling.integer("overhang_fan_speed", "Overhangs and external bridges fan speed", 0, 100, "%"),
    _cooling.integer("internal_bridge_fan_speed", "Internal bridges fan speed", -1, 100, "%"),
    _cooling.integer(
        "support_material_interface_fan_speed", "Support interface fan speed", -1, 100, "%"
    ),
    _cooling.integer("ironing_fan_speed", "Ironing fan speed", -1, 100, "%"),
    _cooling.integer("additional_cooling_fan_speed", "Auxiliary part cooling fan", 0, 100, "%"),
    _cooling.flag("activate_air_filtration", "Activate air filtration"),
    _cooling.integer("during_print_exhaust_fan_speed", "Exhaust fan, during print", 0, 100, "%"),
    _cooling.integer(
        "complete_print_exhaust_fan_speed", "Exhaust fan, complete print", 0, 100, "%"
    ),
)

OVERRIDES: tuple[Key, ...] = tuple(
    nullable(key)
    for key in (
        _overrides.number("filament_retraction_length", "Length", "mm", 0, 15),
        _overrides.number("filament_z_hop", "Z-hop height", "mm", 0, 5),
        _overrides.choice(
            "filament_z_hop_types", "Z-hop type", "Auto Lift|Normal Lift|Slope Lift|Spiral Lift"
        ),
        _overrides.number("filament_retract_lift_above", "Only lift Z above", "mm", 0, 2000),
        _overrides.number("filament_retract_lift_below", "Only lift Z below", "mm", 0, 2000),
        _overrides.choice(
            "filament_retract_lift_enforce",
            "On surfaces",
            "All Surfaces|Top Only|Bottom Only|Top and Bottom",
        ),
        _overrides.number("filament_retraction_speed", "Retraction speed", "mm/s", 0, 200),
        _overrides.number("filament_deretraction_speed", "Deretraction speed", "mm/s", 0, 200),
        _overrides.number(
            "filament_retract_restart_extra", "Extra length on restart", "mm", -2, 10
        ),
        _overrides.number(
            "filament_retraction_minimum_travel", "Travel distance threshold", "mm", 0, 50
        ),
        _overrides.flag("filament_retract_when_changing_layer", "Retract on layer change"),
        _overrides.flag("filament_wipe", "Wipe while retracting"),
        _overrides.number("filament_wipe_distance", "Wipe distance", "mm", 0, 20),
        _overrides.percent("filament_retract_before_wipe", "Retract amount before wipe", 0, 100),
        _overrides.percent("filament_ironing_flow", "Ironing flow", 0, 100),
        _overrides.number("filament_ironing_spacing", "Ironing line spacing", "mm", 0, 1),
        _overrides.number("filament_ironing_inset", "Ironing inset", "mm", 0, 20),
        _overrides.number("filament_ironing_speed", "Ironing speed", "mm/s", 1, 500),
        _overrides.flag("filament_long_retractions_when_cut", "Long retraction when cut"),
        _overrides.number(
            "filament_retraction_distances_when_cut", "Retraction distance when cut", "mm", 0, 30
        ),
    )
)

ADVANCED: tuple[Key, ...] = (
    _advanced.gcode("filament_start_gcode", "Filament start G-code"),
    _advanced.gcode("filament_end_gcode", "Filament end G-code"),
    listed(_advanced.text("filament_notes", "Filament notes")),
)

MULTIMATERIAL: tuple[Key, ...] = (
    _multi.number(
        "filament_minimal_purge_on_wipe_tower", "Minimal purge on wipe tower", "mm³", 0, 500
    ),
    _multi.number("filament_loading_speed_start", "Loading speed at the start", "mm/s", 0, 200),
    _multi.number("filament_loading_speed", "Loading speed", "mm/s", 0, 200),
    _multi.number("filament_unloading_speed_start", "Unloading speed at the start", "mm/s", 0, 200),
    _multi.number("filament_unloading_speed", "Unloading speed", "mm/s", 0, 200),
    _multi.number("filament_toolchange_delay", "Delay after unloading", "s", 0, 120),
    _multi.integer("filament_cooling_moves", "Number of cooling moves", 0, 20),
    _multi.number(
        "filament_cooling_initial_speed", "Speed of the first cooling move", "mm/s", 0, 200
    ),
    _multi.number("filament_cooling_final_speed", "Speed of the last cooling move", "mm/s", 0, 200),
    _multi.flag("filament_multitool_ramming", "Enable ramming for multi-tool setups"),
    _multi.number("filament_multitool_ramming_volume", "Multi-tool ramming volume", "mm³", 0, 100),
    _multi.number("filament_multitool_ramming_flow", "Multi-tool ramming flow", "mm³/s", 0, 100),
)

DEPENDENCIES: tuple[Key, ...] = (
    listed(_single.text("compatible_printers", "Compatible printers")),
    _single.text("compatible_printers_condition", "Compatible printers condition"),
    listed(_single.text("compatible_prints", "Compatible process profiles")),
    _single.text("compatible_prints_condition", "Compatible process profiles condition"),
)

FILAMENT_KEYS = (*FILAMENT, *COOLING, *OVERRIDES, *ADVANCED, *MULTIMATERIAL, *DEPENDENCIES)
