//! What the shop's things are called: many scripts, and the characters that break careless code.

pub(super) const THINGS: &[&str] = &[
    "Desk",
    "Office Chair",
    "Coffee Mug",
    "Water Bottle",
    "Notebook A5",
    "Lamp",
    "USB-C Cable",
    "Winter Jacket",
    "T-Shirt",
    "Backpack",
    "Keyboard",
    "Monitor 27\"",
    "Olive Oil",
    "Green Tea",
    "Crème brûlée set",
    "Façade paint",
    "Käsereibe",
    "Größentabelle",
    "Smørrebrød board",
    "Żubrówka glass",
    "Mañana calendar",
    "Çay bardağı",
    "Cà phê phin",
    "Кофейная чашка",
    "Настольная лампа",
    "Ноутбук",
    "Зимняя куртка",
    "Чайник",
    "Ελαιόλαδο",
    "Καρέκλα γραφείου",
    "茶杯",
    "办公椅",
    "笔记本电脑",
    "雨伞",
    "急須",
    "文房具セット",
    "ノート",
    "お弁当箱",
    "فنجان قهوة",
    "كرسي مكتب",
    "حقيبة ظهر",
    "ספל קפה",
    "כיסא משרדי",
    "แก้วกาแฟ",
    "เก้าอี้สำนักงาน",
    "커피잔",
    "चाय का प्याला",
    "Gift box 🎁",
    "Party hat 🥳🎉",
    "Flag 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "Family 👨‍👩‍👧‍👦 mug",
    "O'Brien's Shelf",
    "3/4\" Pipe \\ Elbow",
    "Tab\there",
    "Two\nlines",
    "<b>Bold</b> & Co",
    "100% Cotton; DROP TABLE--",
    " leading and trailing ",
    "e\u{301}clair (combining)",
    "\u{202e}mirrored",
    "zero\u{200b}width",
    "null",
    "false",
    "0",
    "N/A",
];

pub(super) const KINDS: &[&str] = &[
    "",
    " Classic",
    " Pro",
    " Mini",
    " XL",
    " 2.0",
    " Édition limitée",
    " (blau)",
    " красный",
    " 红色",
    " メガ",
    " ✓",
    " – new",
    "/B",
    " №5",
    " 0,5 l",
];

pub(super) const CATEGORIES: &[&str] = &[
    "Furniture",
    "Kitchen",
    "Électronique",
    "Büro",
    "Одежда",
    "Ποτά",
    "食品",
    "文具",
    "هدايا",
    "משרד",
    "ของขวัญ",
    "Tools & Parts",
    "A / B",
    "Outdoor 🏕",
    "Spare \"parts\"",
];

pub(super) const COLOURS: &[&str] = &["Red", "Blue", "Grün", "Чёрный", "白"];

pub(super) const SIZES: &[&str] = &["S", "M", "L", "XL"];

pub(super) const DESCRIPTIONS: &[&str] = &[
    "Ships in two days.",
    "Line one\r\nLine two\n\n\"Quoted\" and \\escaped\\.",
    "Handgemacht in Köln – nur solange der Vorrat reicht…",
    "دليل المستخدم متوفر بالعربية",
];

/// Prices that have tripped programs: three decimals, the smallest and greatest that Python
/// writes with an exponent, sums that binary cannot hold.
pub(super) const ODD_PRICES: &[f64] = &[
    12.345,
    1e-7,
    1e16,
    0.1 + 0.2,
    0.0,
    99_999_999.99,
    1.005,
    1.0 / 3.0,
    123_456.789_012_345,
    5e-324,
    4.35,
];

/// The name in another language: made up, but of the language's script.
pub(super) fn translation(lang: &str, number: u64) -> String {
    match lang {
        "fr_FR" => format!("Produit n° {number} à l'été"),
        "de_DE" => format!("Größe Nr. {number} für Übungen"),
        _ => format!("منتج رقم {number}"),
    }
}
