//! What people write, in the languages and charsets of the mail we must read.

use super::chance::Chance;

/// A language, the charsets its mail is found in, and enough words to fill a page.
pub struct Language {
    /// RFC 5646 tag.
    pub tag: &'static str,
    /// Each can express all the words.
    pub charsets: &'static [&'static str],
    /// Before the subject of an answer.
    pub reply: &'static str,
    /// Words that are joined by spaces.
    pub words: &'static [&'static str],
}

/// Weighted by repetition: most mail of our users is in English and the Nordic languages.
pub const LANGUAGES: &[Language] = &[
    ENGLISH, ENGLISH, ENGLISH, ENGLISH, ENGLISH, SWEDISH, SWEDISH, SWEDISH, GERMAN, GERMAN, DUTCH, POLISH, POLISH,
    FRENCH, RUSSIAN, JAPANESE, CHINESE, TAIWANESE, KOREAN,
];

const ENGLISH: Language = Language {
    tag: "en",
    charsets: &["us-ascii", "utf-8", "windows-1252"],
    reply: "Re: ",
    words: &[
        "we", "agreed", "on", "the", "shipment", "for", "October", "and", "attach", "our", "price", "list", "with",
        "both", "options", "please", "tell", "me", "which", "plant", "needs", "valves", "first", "before", "Friday",
        "noon",
    ],
};
const SWEDISH: Language = Language {
    tag: "sv",
    charsets: &["iso-8859-1", "utf-8", "windows-1252", "iso-8859-15"],
    reply: "SV: ",
    words: &[
        "vi",
        "hör",
        "av",
        "oss",
        "på",
        "måndag",
        "när",
        "kranen",
        "är",
        "lagad",
        "båda",
        "ritningarna",
        "följer",
        "här",
        "och",
        "så",
        "återstår",
        "frågan",
        "om",
        "frakten",
        "till",
        "Örebro",
        "även",
        "i",
        "år",
    ],
};
const GERMAN: Language = Language {
    tag: "de",
    charsets: &["iso-8859-15", "utf-8", "windows-1252", "iso-8859-1"],
    reply: "AW: ",
    words: &[
        "für",
        "die",
        "Prüfung",
        "der",
        "Anlage",
        "benötigen",
        "wir",
        "noch",
        "drei",
        "Maße",
        "und",
        "den",
        "Schlüssel",
        "zum",
        "Lager",
        "spätestens",
        "übermorgen",
        "schöne",
        "Grüße",
        "aus",
        "Köln",
        "natürlich",
        "gerne",
    ],
};
const DUTCH: Language = Language {
    tag: "nl",
    charsets: &["iso-8859-15", "utf-8", "iso-8859-1"],
    reply: "Antw: ",
    words: &[
        "graag",
        "zien",
        "wij",
        "uw",
        "reactie",
        "op",
        "het",
        "voorstel",
        "tegemoet",
        "één",
        "kist",
        "is",
        "beschadigd",
        "de",
        "andere",
        "staan",
        "klaar",
        "bij",
        "de",
        "poort",
        "vóór",
        "dinsdag",
        "geïnspecteerd",
    ],
};
const POLISH: Language = Language {
    tag: "pl",
    charsets: &["iso-8859-2", "utf-8", "windows-1250"],
    reply: "Odp: ",
    words: &[
        "próbki",
        "wysłaliśmy",
        "wczoraj",
        "kurierem",
        "część",
        "zamówienia",
        "będzie",
        "gotowa",
        "później",
        "łącznie",
        "sześć",
        "palet",
        "źródło",
        "błędu",
        "już",
        "znamy",
        "ą",
        "ę",
        "proszę",
        "o",
        "adres",
        "magazynu",
    ],
};
const FRENCH: Language = Language {
    tag: "fr",
    charsets: &["iso-8859-1", "utf-8", "windows-1252"],
    reply: "RE: ",
    words: &[
        "voici",
        "le",
        "relevé",
        "du",
        "trimestre",
        "où",
        "figurent",
        "déjà",
        "les",
        "pièces",
        "livrées",
        "à",
        "Liège",
        "reste",
        "la",
        "dernière",
        "facture",
        "merci",
        "de",
        "vérifier",
        "être",
        "sûr",
        "ça",
        "marche",
    ],
};
const RUSSIAN: Language = Language {
    tag: "ru",
    charsets: &["koi8-r", "utf-8", "windows-1251"],
    reply: "Re: ",
    words: &[
        "образцы",
        "получены",
        "завтра",
        "пришлём",
        "чертежи",
        "и",
        "расчёт",
        "доставки",
        "до",
        "склада",
        "сообщите",
        "пожалуйста",
        "сроки",
        "объём",
        "партии",
        "ещё",
        "раз",
        "спасибо",
    ],
};
const JAPANESE: Language = Language {
    tag: "ja",
    charsets: &["iso-2022-jp", "utf-8", "shift_jis"],
    reply: "RE: ",
    words: &[
        "先日の",
        "打ち合わせの",
        "資料を",
        "送ります",
        "納期は",
        "来月",
        "十日の",
        "予定です",
        "図面を",
        "ご確認",
        "ください",
        "部品の",
        "見本も",
        "届きました",
    ],
};
const CHINESE: Language = Language {
    tag: "zh-CN",
    charsets: &["gb18030", "utf-8"],
    reply: "回复: ",
    words: &[
        "样品", "已经", "寄出", "请", "查收", "下周", "安排", "验货", "价格", "没有", "变化", "图纸", "见", "附件",
        "数量", "待定",
    ],
};
const TAIWANESE: Language = Language {
    tag: "zh-TW",
    charsets: &["big5", "utf-8"],
    reply: "RE: ",
    words: &[
        "樣品", "已經", "寄出", "請", "查收", "下週", "安排", "驗貨", "價格", "沒有", "變化", "圖紙", "見", "附件",
        "數量", "待定",
    ],
};
const KOREAN: Language = Language {
    tag: "ko",
    charsets: &["euc-kr", "utf-8"],
    reply: "RE: ",
    words: &[
        "견본을",
        "보냈습니다",
        "다음",
        "주에",
        "검사를",
        "진행합니다",
        "가격은",
        "같습니다",
        "도면을",
        "확인해",
        "주세요",
        "수량은",
        "미정입니다",
    ],
};

impl Language {
    /// `count` words.
    pub fn phrase(&self, chance: &mut Chance, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| *chance.pick(self.words)).collect();
        words.join(" ")
    }

    /// Lines of at most about 70 characters, together about `characters`; an empty line ends a paragraph.
    pub fn lines(&self, chance: &mut Chance, characters: usize) -> Vec<String> {
        let (mut lines, mut written) = (Vec::new(), 0);
        while written < characters {
            for _ in 0..chance.between(2, 6) {
                let count = chance.between(5, 9);
                let line = self.phrase(chance, count);
                written += line.chars().count();
                lines.push(line);
            }
            lines.push(String::new());
        }
        lines
    }
}
