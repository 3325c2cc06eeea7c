"""Words from which the generator makes plausible data. All people and organisations are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class House:
    """
    A tenant to be made.

    Attributes:
        accounts: names of users with their role here; the same name is the same person in every house.
    """

    name: str
    subdomain: str
    accounts: tuple[tuple[str, str], ...]


HOUSES = (
    House("Lembaga Riset Nusantara", "lembaga", (("dewi", "director"), ("budi", "staff"), ("citra", "member"))),
    House("Yayasan Cahaya Timur", "yayasan", (("eko", "director"), ("citra", "staff"), ("dewi", "member"))),
)

FIRST_NAMES = (
    "Adi", "Agus", "Aisyah", "Andi", "Ayu", "Bagus", "Bayu", "Bima", "Cahya", "Dian", "Dimas", "Fajar", "Fitri",
    "Galih", "Hana", "Indah", "Intan", "Joko", "Kartika", "Laras", "Made", "Maya", "Nadia", "Nur", "Putri", "Rangga",
    "Rani", "Ratna", "Rizky", "Sinta", "Surya", "Tari", "Teguh", "Wahyu", "Wayan", "Wulan", "Yudha", "Yulia",
)  # fmt: skip
LAST_NAMES = (
    "Anggraini", "Gunawan", "Hakim", "Halim", "Hartono", "Hidayat", "Irawan", "Kurniawan", "Kusuma", "Lestari",
    "Mahendra", "Maulana", "Nugroho", "Pangestu", "Permata", "Pratama", "Purnama", "Putra", "Rahayu", "Ramadhan",
    "Santoso", "Saputra", "Setiawan", "Siregar", "Subagyo", "Sudirman", "Suharto", "Susanto", "Utami", "Wibowo",
    "Wijaya", "Yulianto",
)  # fmt: skip
DEPARTMENTS = {
    "ADM": "Administration",
    "FIN": "Finance",
    "HR": "Human Resources",
    "IT": "Information Technology",
    "LOG": "Logistics",
    "COM": "Communication",
    "ECO": "Economics",
    "POL": "Politics and Social Change",
    "LIB": "Library",
}
POSITIONS = ("Assistant", "Analyst", "Coordinator", "Researcher", "Senior Researcher", "Specialist", "Officer")
CITIES = ("Jakarta", "Bandung", "Surabaya", "Yogyakarta", "Makassar", "Medan", "Denpasar", "Semarang", "Palembang")
ORGANIZATION_WORDS = (
    "Andalan", "Bahari", "Bintang", "Cendana", "Delta", "Garuda", "Graha", "Harapan", "Jaya", "Karya", "Khatulistiwa",
    "Mandiri", "Melati", "Mitra", "Nusa", "Pelita", "Rimba", "Samudra", "Sentosa", "Tirta",
)  # fmt: skip
ORGANIZATION_FORMS = {
    "government": ("Ministry of {}", "{} Province Office"),
    "company": ("PT {} Abadi", "PT {} Teknologi", "CV {} Makmur"),
    "foundation": ("{} Foundation", "Yayasan {}"),
    "university": ("Universitas {}", "Institut {}"),
    "media": ("Harian {}", "Radio {}", "{} Media"),
}
TITLES = ("Director", "Head of Programmes", "Secretary", "Editor", "Professor", "Adviser", "Spokesperson", "Manager")
ASSETS = {
    "Laptop": ("Book 14", "Book 16", "Field Book"),
    "Vehicle": ("Minibus", "Pickup", "Motorcycle"),
    "Projector": ("Projector HD", "Projector 4K"),
    "Camera": ("Mirrorless Camera", "Video Camera"),
    "Furniture": ("Standing Desk", "Conference Table"),
}
ROOMS = ("Main building, 1st floor", "Main building, 2nd floor", "Annex", "Storage", "Garage")
ARTICLES = (
    "A4 paper", "Toner black", "Toner colour", "Whiteboard marker", "Notebook", "Ballpoint pen", "Envelope C5",
    "USB stick 64 GB", "HDMI cable 2 m", "Network cable 5 m", "Batteries AA", "Coffee beans 1 kg", "Tea 100 bags",
    "Drinking water 19 l", "Hand soap", "Face masks", "First-aid kit", "Folding chair", "Banner stand", "Name badge",
)  # fmt: skip
WAREHOUSES = {"HQ": "Head office", "ANX": "Annex", "EAST": "East branch"}
EXPENSES = {
    "travel": ("Train to {}", "Flight to {}", "Taxi in {}"),
    "accommodation": ("Hotel in {}",),
    "meals": ("Dinner with guests in {}", "Lunch of the team in {}"),
    "printing": ("Posters for the seminar in {}",),
}
