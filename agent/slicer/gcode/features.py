"""What slicers call the lines that they draw, under OrcaSlicer's names."""

NAMES = {
    # PrusaSlicer and SuperSlicer
    "bridge infill": "Bridge",
    "external perimeter": "Outer wall",
    "gap fill": "Gap infill",
    "internal bridge infill": "Internal Bridge",
    "internal infill": "Sparse infill",
    "internal perimeter": "Inner wall",
    "overhang perimeter": "Overhang wall",
    "perimeter": "Inner wall",
    "skirt/brim": "Skirt",
    "solid infill": "Internal solid infill",
    "support material": "Support",
    "support material interface": "Support interface",
    "thin wall": "Outer wall",
    "top solid infill": "Top surface",
    "wipe tower": "Prime tower",
    # Cura
    "fill": "Sparse infill",
    "prime-tower": "Prime tower",
    "skin": "Top surface",
    "skirt": "Skirt",
    "support-interface": "Support interface",
    "wall-inner": "Inner wall",
    "wall-outer": "Outer wall",
}
CUSTOM = "Custom"  # the start and end G-code of the printer: not a part of what is printed
NOT_NAMED = "Not named"


def named(said: str) -> str:
    said = said.strip()[:60]
    return NAMES.get(said.lower(), said) or NOT_NAMED
