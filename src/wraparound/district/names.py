"""Names that are plainly invented: people are called after trees, flowers and birds."""

from random import Random

TREES = (
    "Juniper", "Maple", "Alder", "Linden", "Hickory", "Cedar", "Willow", "Sycamore",
    "Hawthorn", "Birch", "Chestnut", "Laurel", "Magnolia", "Aspen", "Rowan", "Spruce",
    "Hazel", "Mulberry", "Cypress", "Dogwood", "Elm", "Ginkgo", "Hemlock", "Larch",
    "Myrtle", "Poplar", "Redwood", "Sassafras", "Tamarack", "Tupelo", "Walnut", "Yew",
)  # fmt: skip
SCHOOL_ENDINGS = ("Street School", "Hill School", "Park School", "Avenue School")

GIVEN = (
    "Amara", "Aïssatou", "Ayşe", "Beno", "Bronisław", "Celia", "Chinwe", "Chloé",
    "Darius", "Đức", "Elif", "Emeka", "Farid", "Fiadh", "Giulia", "Grace", "Hana",
    "Hugo", "Imani", "İpek", "Jonah", "June", "Kaya", "Kōki", "Kwame", "Leila",
    "Łucja", "Malik", "Mei", "Mårten", "Nadia", "Ngọc", "Noël", "Oğuz", "Omar", "Pia",
    "Priya", "Quentin", "Rafi", "Reza", "Samir", "Siobhán", "Søren", "Tam", "Thảo",
    "Uri", "Vera", "Wanjiru", "Xiu", "Yaw", "Yusuf", "Zoë", "Žofia", "Ömer", "Ada",
    "Caleb", "Devon", "Ezra", "Faith", "Isaac", "Keisha", "Lena", "Miles", "Nora",
    "D'Andre", "Mary-Jo",
)  # fmt: skip
GIVEN_SPANISH = (
    "Mateo", "Lucía", "José", "Ximena", "Iñaki", "Camila", "Andrés", "Belén", "Tomás",
    "Inés", "Joaquín", "Marisol", "Nicolás", "Paloma", "Raúl", "Sofía", "Emilia",
    "Begoña", "Íñigo", "Araceli",
)  # fmt: skip
FAMILY = (
    "Juniper", "Birch", "Ash", "Elm", "Fir", "Ivy", "Cedar", "Hazel", "Dogwood",
    "Ginkgo", "Heron", "Wren", "Larkspur", "Sparrow", "Foxglove", "Plover", "Teasel",
    "Kestrel", "Marigold", "Thistle", "Osprey", "Bluebell", "Sandpiper", "Tansy",
    "Goldfinch", "Yarrow", "Nuthatch", "Aster", "Bittern", "Clover", "Dunlin",
    "Hyacinth", "Köknar", "Świerk", "Rödhake", "Bạch-Dương", "Mésange", "Chêne",
    "Vrabec", "Sakura", "Iroko", "Baobab", "O'Hazel", "Van den Linde", "St. Aspen",
    "Whitethorn", "Oakmoss", "Finchley-Fern", "Rookwood", "Starling",
)  # fmt: skip
FAMILY_SPANISH = (
    "Ceiba", "Girasol", "Ruiseñor", "Jacarandá", "Golondrina", "Espino", "Colibrí",
    "Del Roble", "Sauce", "Azucena", "Gorrión", "Cigüeña", "Palo Verde", "Arrayán",
    "Madreselva", "Zorzal", "Nogal-Ceiba", "Encina",
)  # fmt: skip


def given_name(rng: Random, *, spanish: bool) -> str:
    """A given name; Spanish-speaking homes choose from both lists."""
    return rng.choice(GIVEN_SPANISH if spanish and rng.random() < 0.75 else GIVEN)


def family_name(rng: Random, *, spanish: bool) -> str:
    """A family name made of a tree, a flower or a bird."""
    return rng.choice(FAMILY_SPANISH if spanish else FAMILY)


def school_name(index: int, *, is_high: bool) -> str:
    """The name of the school at a position; different for the first 128."""
    tree = TREES[index % len(TREES)]
    ending = SCHOOL_ENDINGS[(index + index // len(TREES)) % len(SCHOOL_ENDINGS)]
    return f"{tree} High School" if is_high else f"{tree} {ending}"
