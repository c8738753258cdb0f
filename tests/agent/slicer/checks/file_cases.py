"""Cases of whole files and of their moves."""

from dataclasses import replace

from agent.slicer.rules import Analysis, Evidence, Facts, Plate
from tests.agent.slicer.checks.case import BLOCKING, INFO, Case
from tests.agent.slicer.checks.process_cases import SUPPORTS
from tests.agent.slicer.checks.sane import ANALYSIS, facts, feature, layers, several


def _heavy(grams: float) -> Facts:
    file = facts()
    return replace(file, filaments=(replace(file.filaments[0], used_g=grams),))


def _moves(**changed: tuple[float, ...]) -> Analysis:
    return replace(ANALYSIS, layers=layers(count=100, **changed))


def _hanging(length_mm: float) -> Analysis:
    return replace(ANALYSIS, features=(*ANALYSIS.features, feature("Overhang wall", length_mm)))


def _plate_on_a_foot(*, walls_mm: float, hanging_mm: float, bridges_mm: float = 0) -> Analysis:
    lengths = {"Inner wall": walls_mm, "Overhang wall": hanging_mm, "Bridge": bridges_mm}
    return replace(
        ANALYSIS,
        features=tuple(feature(name, length) for name, length in lengths.items() if length),
        bounding_box=(100.0, 100.0, 0.0, 120.0, 120.0, 20.0),
    )


SANE = facts()
NO_BRIM = facts({"brim_type": "no_brim"})

FILE_CASES = (
    Case(
        "too-tall",
        replace(SANE, max_z_mm=300.0),
        replace(SANE, max_z_mm=256.2),
        severity=BLOCKING,
        evidence=Evidence("height", "300 mm", "at most 256 mm"),
    ),
    Case(
        "outside-area",
        SANE,
        SANE,
        replace(ANALYSIS, bounding_box=(90.0, -4.0, 0.0, 160.0, 160.0, 20.0)),
        replace(ANALYSIS, bounding_box=(-0.3, 0.0, 0.0, 256.3, 256.0, 256.0)),
        BLOCKING,
        evidence=Evidence("y", "-4 to 160 mm", "0 to 256 mm"),
    ),
    Case(
        "never-heated",
        facts({"machine_start_gcode": "G28"}),
        facts({"machine_start_gcode": "START_PRINT"}),
        replace(_moves(nozzle_c=(215.0,) * 100), is_heated=False),
        replace(_moves(nozzle_c=(215.0,) * 100), is_heated=False),
        BLOCKING,
    ),
    Case(
        "first-layer-temperature",
        SANE,
        SANE,
        _moves(nozzle_c=(200.0,)),
        _moves(nozzle_c=(210.0,)),
        evidence=Evidence("nozzle", "200 °C", "220 °C", "layer 1"),
    ),
    Case(
        "filaments-not-together",
        several("PLA", "ABS"),
        several("PLA", "PETG"),
        evidence=Evidence("hot_plate_temp", "90 °C", "at most 25 °C apart", "filament 2 (ABS)"),
    ),
    Case(
        "filaments-not-together",
        replace(several("PLA", "ABS"), plates=(Plate(1, is_sliced=True),)),
        replace(several("PLA", "ABS"), plates=(Plate(1), Plate(2))),
    ),
    Case(
        "brim-missing-slender",
        NO_BRIM,
        SANE,
        replace(ANALYSIS, bounding_box=(100.0, 100.0, 0.0, 110.0, 120.0, 90.0)),
        replace(ANALYSIS, bounding_box=(100.0, 100.0, 0.0, 110.0, 120.0, 90.0)),
    ),
    Case(
        "brim-missing",
        facts({"brim_type": "no_brim"}, filament="ABS"),
        facts({"brim_type": "no_brim", "raft_layers": "2"}, filament="ABS"),
        replace(
            ANALYSIS,
            bounding_box=(50.0, 50.0, 0.0, 200.0, 100.0, 20.0),
            layers=layers(nozzle_c=(260.0,), bed_c=(90.0,)),
        ),
        replace(
            ANALYSIS,
            bounding_box=(50.0, 50.0, 0.0, 200.0, 100.0, 20.0),
            layers=layers(nozzle_c=(260.0,), bed_c=(90.0,)),
        ),
    ),
    Case(
        "flow-over-limit",
        SANE,
        SANE,
        _moves(max_flow_mm3_s=(30.0, 12.0, 18.0, 16.0)),
        _moves(max_flow_mm3_s=(30.0, 13.0)),  # the first layer holds the purge
        evidence=Evidence("flow", "18 mm³/s", "at most 12 mm³/s", "layer 3 at 0.6 mm"),
    ),
    Case(
        "layers-too-quick",
        SANE,
        SANE,
        _moves(seconds=(36.0,) * 40 + (3.0, 2.5, 2.0, 2.0, 2.0, 2.0) + (3.9,) * 54),
        _moves(seconds=(36.0, 12.0, 3.0, 3.0, 3.0, 5.0, 3.0, 12.0)),
        also=frozenset({"layer-time-jumps"}),
    ),
    Case(
        "layer-time-jumps",
        SANE,
        SANE,
        _moves(seconds=(80.0,) * 50 + (10.0,) * 50),
        _moves(seconds=(90.0,) * 5 + (15.0,) * 60 + (90.0,) * 5 + (15.0,) * 25 + (90.0,) * 5),
        severity=INFO,
        evidence=Evidence("layer time", "80 s, then 10 s", "a factor of 3", "layer 51 (10.2 mm)"),
    ),
    Case(
        "filament-ground",
        SANE,
        SANE,
        _moves(retractions=(10, 10, 200, 300, 200), filament_mm=(80.0, 80.0, 10.0, 10.0, 10.0)),
        _moves(retractions=(10, 10, 200, 300, 200)),
        evidence=Evidence(
            "retractions",
            "700 in 30 mm of filament",
            "each piece at most 12 times",
            "layers 3 to 5 (0.6 to 1 mm)",
        ),
    ),
    Case(
        "overhangs-unsupported",
        SANE,
        SANE,
        _hanging(5000),
        _hanging(1500),
        evidence=Evidence("overhang walls", "5 m, 11 % of the walls", "at most 5 %"),
    ),
    Case(
        "overhangs-unsupported",
        SANE,
        SANE,
        _plate_on_a_foot(walls_mm=3400, hanging_mm=220),
        _plate_on_a_foot(walls_mm=3400, hanging_mm=70),
        evidence=Evidence("overhang walls", "0.2 m, 6 % of the walls", "at most 5 %"),
    ),
    Case(
        "overhangs-unsupported",
        SANE,
        SANE,
        _plate_on_a_foot(walls_mm=20000, hanging_mm=220, bridges_mm=1000),
        _plate_on_a_foot(walls_mm=20000, hanging_mm=220, bridges_mm=400),
        INFO,
        also=frozenset({"bridges-unsupported"}),
    ),
    Case(
        "bridges-unsupported",
        SANE,
        SANE,
        replace(ANALYSIS, features=(*ANALYSIS.features, feature("Bridge", 5000))),
        replace(ANALYSIS, features=(*ANALYSIS.features, feature("Bridge", 2000))),
        INFO,
        evidence=Evidence("bridges", "21 cm²", "at most 10 cm²"),
    ),
    Case(
        "bridges-unsupported",
        SANE,
        facts(SUPPORTS),
        replace(ANALYSIS, features=(*ANALYSIS.features, feature("Bridge", 15000))),
        replace(
            ANALYSIS, features=(*ANALYSIS.features, feature("Bridge", 15000), feature("Support"))
        ),
    ),
    Case(
        "supports-absent",
        facts(SUPPORTS),
        facts(SUPPORTS),
        _hanging(5000),
        replace(
            ANALYSIS,
            features=(*_hanging(5000).features, feature("Support")),
        ),
    ),
    Case(
        "spool-too-small",
        _heavy(300),
        _heavy(280),
        severity=BLOCKING,
        spool_g=299,
        evidence=Evidence("filament", "300 g", "at most 299 g"),
    ),
    Case(
        "spool-too-small",
        _heavy(1.1),
        _heavy(0.9),
        severity=BLOCKING,
        spool_g=1,
        evidence=Evidence("filament", "1.1 g", "at most 1 g"),
    ),
    Case("spool-more-than-one", _heavy(1200), _heavy(900), severity=INFO),
    Case(
        "changes-many",
        several("PLA", "PLA", changes=400),
        several("PLA", "PLA", changes=100),
        severity=INFO,
    ),
    Case(
        "prime-tower-missing",
        several("PLA", "PLA", changed={"enable_prime_tower": "0"}),
        several("PLA", "PLA", changed={"enable_prime_tower": "0", "manual_filament_change": "1"}),
    ),
    Case(
        "flexible-in-changer",
        several("PLA", "TPU"),
        several("PLA", "TPU", changed={"single_extruder_multi_material": "0"}),
    ),
    Case(
        "cut-off",
        SANE,
        SANE,
        replace(ANALYSIS, layers=layers(count=80)),
        replace(ANALYSIS, layers=layers(count=99)),
        BLOCKING,
        evidence=Evidence("layers", "80", "at least 100", "in the file"),
    ),
    Case(
        "cut-off",
        replace(SANE, missing="EXECUTABLE_BLOCK_END"),
        SANE,
        evidence=Evidence("end of the file", "without EXECUTABLE_BLOCK_END"),
    ),
    Case(
        "cut-off",
        replace(SANE, missing="EXECUTABLE_BLOCK_END"),
        replace(SANE, layers=101),
        replace(ANALYSIS, layers=layers(count=99)),
        replace(ANALYSIS, layers=layers(count=99)),
        BLOCKING,
        evidence=Evidence("layers", "99", "at least 100", "in the file"),
    ),
    Case(
        "nozzle-commanded-too-hot",
        replace(SANE, hottest_nozzle_c=400.0),
        replace(SANE, hottest_nozzle_c=240.0),
        severity=BLOCKING,
        evidence=Evidence("nozzle", "400 °C", "at most 240 °C", "in its commands"),
    ),
    Case(
        "nozzle-commanded-too-hot",
        SANE,
        SANE,
        _moves(nozzle_c=(220.0, 250.0)),
        _moves(nozzle_c=(220.0, 240.0)),
        evidence=Evidence("nozzle", "250 °C", "at most 240 °C", "layer 2 (0.4 mm)"),
    ),
    Case(
        "bed-commanded-too-hot",
        replace(SANE, hottest_bed_c=110.0),
        replace(SANE, hottest_bed_c=75.0),
        severity=BLOCKING,
        evidence=Evidence("bed", "110 °C", "at most 75 °C", "in its commands"),
    ),
    Case(
        "time-differs",
        SANE,
        SANE,
        replace(ANALYSIS, seconds=7300.0),
        replace(ANALYSIS, seconds=4200.0),
        INFO,
        evidence=Evidence("time", "2 h 1 min", "1 h 0 min estimated"),
    ),
    Case(
        "slicer-warned",
        replace(SANE, plates=(Plate(1, warnings=("Floating regions",)), Plate(2))),
        replace(SANE, plates=(Plate(1), Plate(2))),
        evidence=Evidence("warning", "Floating regions", None, "plate 1"),
    ),
    Case(
        "slicer-warned",
        replace(SANE, plates=(Plate(1, warnings=("bed_temperature_too_high_than_filament",)),)),
        SANE,
        severity=INFO,
        evidence=Evidence("warning", "bed temperature too high than filament", None, "plate 1"),
    ),
    Case(
        "settings-absent",
        Facts(kind="gcode"),
        replace(Facts(kind="gcode"), settings={"layer_height": "0.2"}),
        severity=INFO,
    ),
)
