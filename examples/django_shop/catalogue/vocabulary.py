"""Words and price ranges from which the generator makes a plausible catalogue. All brands are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """
    A leaf of the category tree: what is sold there.

    Attributes:
        path: names from the root to the leaf.
        nouns: what a product of this kind is called.
        prices: lowest and highest price, in whole units of the currency.
        storages: capacities or sizes that variants come in; ``("",)`` for one size.
    """

    path: tuple[str, ...]
    nouns: tuple[str, ...]
    prices: tuple[int, int]
    storages: tuple[str, ...] = ("",)


MEMORY = ("128GB", "256GB", "512GB", "1TB")
SMALL_MEMORY = ("32GB", "64GB", "128GB", "256GB")
SIZES = ("S", "M", "L", "XL")

KINDS = (
    Kind(("Phones", "Smartphones", "Flagship"), ("Phone", "Phone Pro", "Phone Ultra"), (649, 1599), MEMORY),
    Kind(("Phones", "Smartphones", "Everyday"), ("Phone", "Phone Lite", "Phone Mini"), (149, 549), SMALL_MEMORY),
    Kind(("Phones", "Feature Phones"), ("Flip Phone", "Outdoor Phone", "Large-Button Phone"), (29, 119)),
    Kind(("Phones", "Cases"), ("Leather Case", "Clear Case", "Wallet Case", "Bumper"), (9, 59)),
    Kind(("Phones", "Charging"), ("Wall Charger", "Charging Pad", "Power Bank", "Car Charger"), (12, 99)),
    Kind(("Computers", "Laptops", "Ultrabooks"), ("Book 13", "Book 14", "Air Book"), (799, 2199), MEMORY[1:]),
    Kind(("Computers", "Laptops", "Gaming Laptops"), ("Raid 15", "Raid 17", "Arena 16"), (1099, 3499), MEMORY[2:]),
    Kind(("Computers", "Laptops", "Business Laptops"), ("Desk Book 14", "Field Book 15"), (699, 1899), MEMORY[1:]),
    Kind(("Computers", "Desktops"), ("Mini PC", "Tower", "All-in-One 27"), (449, 2799), MEMORY[1:]),
    Kind(("Computers", "Monitors"), ("Monitor 24", "Monitor 27", "Ultrawide 34", "4K Monitor 32"), (129, 1099)),
    Kind(("Computers", "Accessories", "Keyboards"), ("Keyboard", "Compact Keyboard", "Mechanical Keyboard"), (19, 229)),
    Kind(("Computers", "Accessories", "Mice"), ("Mouse", "Vertical Mouse", "Trackball"), (12, 149)),
    Kind(("Computers", "Accessories", "Hubs"), ("USB-C Hub", "Dock", "Card Reader"), (19, 289)),
    Kind(("Computers", "Storage"), ("Portable SSD", "Internal SSD", "Backup Drive"), (39, 449), MEMORY),
    Kind(("Tablets", "Tablets"), ("Tab 8", "Tab 10", "Tab 12 Pro"), (179, 1299), SMALL_MEMORY),
    Kind(("Tablets", "E-Readers"), ("Reader", "Reader Colour", "Note Reader"), (89, 429), SMALL_MEMORY[:2]),
    Kind(("Tablets", "Pens and Covers"), ("Stylus", "Folio", "Keyboard Folio"), (19, 249)),
    Kind(("Audio", "Headphones", "Over-Ear"), ("Studio Headphones", "Quiet Headphones"), (59, 549)),
    Kind(("Audio", "Headphones", "In-Ear"), ("Earbuds", "Sport Earbuds", "Sleep Buds"), (24, 299)),
    Kind(("Audio", "Speakers", "Portable"), ("Go Speaker", "Beach Speaker", "Clip Speaker"), (29, 349)),
    Kind(("Audio", "Speakers", "Home"), ("Shelf Speaker", "Soundbar", "Subwoofer"), (99, 1299)),
    Kind(("Audio", "Turntables"), ("Turntable", "Belt Turntable"), (149, 899)),
    Kind(("Wearables", "Watches"), ("Watch", "Watch Sport", "Watch Classic"), (99, 799), ("40mm", "44mm")),
    Kind(("Wearables", "Fitness Bands"), ("Band", "Band Pro"), (29, 149), SIZES[:3]),
    Kind(("Wearables", "Clothing"), ("Heated Vest", "Running Jacket", "Cycling Gloves"), (39, 259), SIZES),
    Kind(("Photo", "Cameras", "Mirrorless"), ("Mirrorless Camera", "Compact System Camera"), (599, 3999)),
    Kind(("Photo", "Cameras", "Action"), ("Action Camera", "Helmet Camera"), (99, 549), SMALL_MEMORY),
    Kind(("Photo", "Lenses"), ("35mm Lens", "50mm Lens", "70-200mm Lens", "Macro Lens"), (149, 2499)),
    Kind(("Photo", "Tripods and Bags"), ("Travel Tripod", "Camera Bag", "Sling"), (29, 399)),
    Kind(("Home", "Lighting"), ("Desk Lamp", "Light Strip", "Smart Bulb"), (12, 179)),
    Kind(("Home", "Kitchen"), ("Kettle", "Coffee Grinder", "Toaster", "Hand Blender"), (24, 389)),
    Kind(("Home", "Climate"), ("Fan", "Air Purifier", "Humidifier", "Thermostat"), (39, 599)),
    Kind(("Home", "Cleaning"), ("Stick Vacuum", "Robot Vacuum", "Steam Mop"), (89, 1199)),
    Kind(("Gaming", "Consoles"), ("Console", "Handheld Console"), (199, 699), MEMORY[1:]),
    Kind(("Gaming", "Controllers"), ("Controller", "Racing Wheel", "Flight Stick"), (29, 449)),
    Kind(("Gaming", "Chairs"), ("Gaming Chair", "Rocker Chair"), (149, 649), ("Regular", "Large")),
)

BRANDS = (
    "Aldra", "Borealis", "Cindel", "Dovran", "Elmstrøm", "Fennick", "Garrow", "Hallvik", "Inverly", "Joska", "Kestra",
    "Lumora", "Marlowe & Ito", "Nordhagen", "Ostara", "Pellworm", "Quillon", "Ravello", "Soltane", "Tarnwood",
    "Umbriel", "Veltri", "Wexcombe", "Yarrow", "Zephrine",
)  # fmt: skip

SERIES = (
    "Aero", "Atlas", "Breeze", "Cedar", "Comet", "Delta", "Ember", "Fjord", "Glint", "Harbor", "Iris", "Juniper",
    "Kite", "Lark", "Meadow", "Nimbus", "Onyx", "Pine", "Quartz", "Ridge", "Sable", "Tide", "Vale", "Willow", "Zenith",
)  # fmt: skip

COLORS = {
    "Black": "#16181d",
    "Graphite": "#4a4e57",
    "Silver": "#c9ccd1",
    "White": "#f7f7f4",
    "Navy": "#1d2f5c",
    "Sky Blue": "#8fc1e8",
    "Forest Green": "#2f5d43",
    "Mint": "#b5e2cd",
    "Burgundy": "#6d1f33",
    "Coral": "#f28371",
    "Lavender": "#c3b4e4",
    "Sand": "#d9c7a7",
}

PRAISE = (
    "Made to be used every day",
    "Light enough to forget about",
    "Built around parts that can be replaced",
    "Quiet, quick and easy to live with",
    "A small upgrade that is noticed every morning",
    "Designed for long trips and short breaks",
)
DETAILS = (
    "Comes with a two-year warranty.",
    "The packaging holds no plastic.",
    "Tested for ten thousand hours.",
    "Works with everything that has a USB-C port.",
    "Spare parts are kept for seven years.",
    "Set up in under a minute.",
)
