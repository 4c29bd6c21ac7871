//! When a printed date was, where it says its zone and cannot be read in two ways.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};

use crate::mail::forms::{self, Calendar, LANGUAGES, Languages, bit};
use crate::mail::reply::fold::fold;

/// The longest date that is read, in octets.
const MAX_LENGTH: usize = 160;

/// Zones by the names that programs print, in minutes east of Greenwich. Names of several zones are not here.
const ZONES: &[(&str, i32)] = &[
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("cet", 60),
    ("mez", 60),
    ("cest", 120),
    ("mesz", 120),
    ("hnec", 60),
    ("haec", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("мск", 180),
    ("jst", 540),
    ("kst", 540),
    ("aest", 600),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
    ("est", -300),
    ("edt", -240),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("brt", -180),
];

/// The moment that a printed date means, in one of these languages.
pub(super) fn moment(printed: &str, languages: Languages) -> Option<DateTime<Utc>> {
    if printed.len() > MAX_LENGTH {
        return None;
    }
    let folded = fold(printed);
    let (zone, rest) = zone_of(&folded)?;
    let offset = FixedOffset::east_opt(zone.minutes * 60)?;
    Some(offset.from_local_datetime(&on_clocks(rest, languages, zone.west)?).single()?.to_utc())
}

/// What the clocks showed where the date was printed, if it says no zone: most programs print none.
pub(super) fn local(printed: &str, languages: Languages) -> Option<NaiveDateTime> {
    if printed.len() > MAX_LENGTH {
        return None;
    }
    let folded = fold(printed);
    zone_of(&folded).is_none().then(|| on_clocks(&folded, languages, false))?
}

fn on_clocks(text: &str, languages: Languages, west: bool) -> Option<NaiveDateTime> {
    let tokens = tokens(text);
    let known = (0..LANGUAGES.len()).filter(|at| languages & (1 << at) != 0);
    let calendars = known.filter_map(|at| forms::calendar(LANGUAGES.get(at)?)).chain(forms::calendar("en"));
    let calendars: Vec<&Calendar> = calendars.collect();
    let numbers: Vec<usize> = (0..tokens.len()).filter(|at| number(&tokens, *at).is_some()).collect();
    let year_at = *numbers.iter().find(|at| matches!(number(&tokens, **at), Some((1970..2200, 4))))?;
    let american = west && languages & bit("en") != 0;
    let (date, used) = by_name(&tokens, year_at, &calendars)
        .or_else(|| year_first(&tokens, year_at))
        .or_else(|| year_last(&tokens, year_at, american, languages))?;
    Some(date.and_time(time_of(&tokens, &used, &calendars)?))
}

/// Those of the languages whose words the date has: some share all their labels.
pub(super) fn languages_of(printed: &str, among: Languages) -> Languages {
    let folded = fold(printed.get(..printed.floor_char_boundary(MAX_LENGTH)).unwrap_or(printed));
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let count = |at: usize| {
        let calendar = LANGUAGES.get(at).and_then(|language| forms::calendar(language));
        calendar.map_or(0, |calendar| {
            let known = |word: &&str| {
                let forms = calendar.months.iter().map(|(start, _)| start).chain(&calendar.words);
                let fits = |form: &&String| word.starts_with(form.as_str()) && (form.len() > 2 || form == word);
                // A whole word tells more than the beginning of one.
                forms.filter(fits).map(|form| if form == word { 2 } else { 1 }).max().unwrap_or_default()
            };
            words.iter().map(known).sum()
        })
    };
    let counted = (0..LANGUAGES.len()).filter(|at| among & (1 << at) != 0).map(|at| (at, count(at)));
    let counted: Vec<(usize, usize)> = counted.collect();
    let best = counted.iter().map(|(_, count)| *count).max().unwrap_or_default();
    counted.iter().filter(|(_, count)| *count == best).fold(0, |all, (at, _)| all | (1 << at))
}

struct Zone {
    minutes: i32,
    /// Whether it is a zone of America, by its name.
    west: bool,
}

/// The zone, and what stands before it.
fn zone_of(folded: &str) -> Option<(Zone, &str)> {
    let text = folded.trim_end_matches([')', ']', '.', ' ', '"']);
    // A zone in figures may be followed by its name: `+0100 (CET)`.
    let signed = text.rmatch_indices(['+', '-', '−']).find_map(|(at, sign)| {
        let digits: String =
            text.get(at + sign.len()..)?.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect();
        let minutes = minutes_of(&digits)?;
        let before = text.get(..at)?.trim_end_matches(['(', '[', ' ']);
        let named = ["gmt", "utc"].iter().find_map(|name| before.strip_suffix(name));
        // Without a name before it, `-05` may as well be a part of the date.
        (named.is_some() || digits.len() >= 4).then_some((
            Zone { minutes: if sign == "+" { minutes } else { -minutes }, west: false },
            named.unwrap_or(before),
        ))
    });
    signed.or_else(|| {
        let (before, name) = text.rsplit_once([' ', '('])?;
        let (_, minutes) = ZONES.iter().find(|(known, _)| *known == name)?;
        Some((Zone { minutes: *minutes, west: *minutes <= -240 }, before))
    })
}

fn minutes_of(digits: &str) -> Option<i32> {
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None if digits.len() <= 2 => (digits, "0"),
        None => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(hours * 60 + minutes)
}

enum Token<'a> {
    Number(u32, usize),
    Word(&'a str),
    Sign(char),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let class = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
        let length = match class(c) {
            (false, false) => c.len_utf8(),
            kind => rest.find(|other| class(other) != kind).unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(length);
        rest = behind;
        found.push(match class(c) {
            (true, _) => Token::Number(token.parse().unwrap_or(u32::MAX), length),
            (_, true) => Token::Word(token),
            _ => Token::Sign(c),
        });
    }
    found
}

fn number(tokens: &[Token], at: usize) -> Option<(u32, usize)> {
    match tokens.get(at) {
        Some(Token::Number(value, length)) => Some((*value, *length)),
        _ => None,
    }
}

type Dated = (NaiveDate, Vec<usize>);

/// `5 March 2024`, `March 5, 2024`, `5 de marzo de 2024`.
fn by_name(tokens: &[Token], year_at: usize, calendars: &[&Calendar]) -> Option<Dated> {
    let year = i32::try_from(number(tokens, year_at)?.0).ok()?;
    for calendar in calendars {
        let month = |at: &usize| match tokens.get(*at) {
            Some(Token::Word(word)) => calendar
                .months
                .iter()
                .find(|(start, _)| word.starts_with(start.as_str()))
                .map(|(_, month)| (*at, *month)),
            _ => None,
        };
        let named: Vec<(usize, u32)> = (0..tokens.len()).filter_map(|at| month(&at)).collect();
        let day_before = |at: usize| near(tokens, (at.saturating_sub(5)..at).rev(), year_at);
        let day_after = |at: usize| near(tokens, at + 1..at + 4, year_at);
        let after_day = named.iter().find_map(|(at, month)| Some((day_before(*at)?, *month)));
        let before_day = || named.iter().find_map(|(at, month)| Some((day_after(*at)?, *month)));
        if let Some((day_at, month)) = after_day.or_else(before_day) {
            let day = number(tokens, day_at)?.0;
            return Some((NaiveDate::from_ymd_opt(year, month, day)?, vec![day_at, year_at]));
        }
    }
    None
}

/// The number of a day among these tokens, with at most a short word before it.
fn near(tokens: &[Token], places: impl Iterator<Item = usize>, year_at: usize) -> Option<usize> {
    for at in places {
        match tokens.get(at)? {
            Token::Number(1..=31, 1 | 2) if at != year_at => return Some(at),
            Token::Word(word) if word.chars().count() <= 3 => {}
            Token::Sign(' ' | '.' | ',' | '-') => {}
            _ => return None,
        }
    }
    None
}

/// `2024-03-05`, `2024年3月5日`, `2024. 3. 5.`
fn year_first(tokens: &[Token], year_at: usize) -> Option<Dated> {
    let mut numbers = (year_at + 1..tokens.len().min(year_at + 8)).filter(|at| number(tokens, *at).is_some());
    let (month_at, day_at) = (numbers.next()?, numbers.next()?);
    if tokens.get(year_at + 1..day_at)?.iter().any(|token| matches!(token, Token::Sign(':' | ','))) {
        return None;
    }
    let clock = matches!(tokens.get(day_at + 1), Some(Token::Sign(':')));
    let ((year, _), (month, _), (day, _)) =
        (number(tokens, year_at)?, number(tokens, month_at)?, number(tokens, day_at)?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    (!clock).then_some((date, vec![year_at, month_at, day_at]))
}

/// `05.03.2024`, `3/5/2024`
fn year_last(tokens: &[Token], year_at: usize, american: bool, languages: Languages) -> Option<Dated> {
    let mut numbers = (0..year_at).rev().filter(|at| number(tokens, *at).is_some());
    let (second_at, first_at) = (numbers.next()?, numbers.next()?);
    let ((first, _), (second, _)) = (number(tokens, first_at)?, number(tokens, second_at)?);
    let slash = matches!(tokens.get(first_at + 1), Some(Token::Sign('/')));
    let english = languages & bit("en") != 0;
    let (day, month) = match (first, second) {
        (_, 13..) => (second, first),
        (13.., _) => (first, second),
        _ if !slash || !english || first == second => (first, second),
        // Half of the English-speaking world has it the other way round.
        _ if american => (second, first),
        _ => return None,
    };
    let year = i32::try_from(number(tokens, year_at)?.0).ok()?;
    Some((NaiveDate::from_ymd_opt(year, month, day)?, vec![first_at, second_at, year_at]))
}

fn time_of(tokens: &[Token], used: &[usize], calendars: &[&Calendar]) -> Option<NaiveTime> {
    let rest: Vec<usize> = (0..tokens.len()).filter(|at| number(tokens, *at).is_some() && !used.contains(at)).collect();
    let together = |a: usize, b: usize| {
        tokens.get(a + 1..b).is_some_and(|between| {
            matches!(
                between,
                [Token::Sign(':' | '.')]
                    | [Token::Word("h" | "時" | "时" | "시")]
                    | [Token::Word("시" | "분"), Token::Sign(' ')]
            )
        })
    };
    let pair = rest.windows(2).find(|pair| matches!(pair, [hour, minute] if together(*hour, *minute)))?;
    let [hour_at, minute_at] = pair else { return None };
    let seconds_at = rest.iter().find(|at| *at > minute_at).filter(|at| together(*minute_at, **at));
    let value = |at: usize| number(tokens, at).map(|(value, _)| value);
    let (hour, minute) = (value(*hour_at)?, value(*minute_at)?);
    let second = seconds_at.and_then(|at| value(*at)).unwrap_or_default();
    let words: Vec<&str> =
        tokens.iter().filter_map(|t| if let Token::Word(word) = t { Some(*word) } else { None }).collect();
    let spoken = words.join("");
    let said = |forms: fn(&Calendar) -> &Vec<String>| {
        calendars.iter().flat_map(|calendar| forms(calendar)).any(|form| {
            let bare: String = form.chars().filter(|c| c.is_alphabetic()).collect();
            words.contains(&bare.as_str())
                || (bare.chars().count() == 2
                    && (bare.is_ascii() || form.contains('.'))
                    && spoken.ends_with(bare.as_str()))
        })
    };
    let hour = match hour {
        1..=11 if said(|calendar| &calendar.evening) => hour + 12,
        12 if said(|calendar| &calendar.morning) => 0,
        hour => hour,
    };
    NaiveTime::from_hms_opt(hour, minute, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(printed: &str, language: &str) -> Option<String> {
        moment(printed, bit(language)).map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    #[test]
    fn dates_are_read_in_the_order_of_their_language() {
        for (printed, language, expected) in [
            ("Tue, 5 Mar 2024 14:07:00 +0100", "en", "2024-03-05T13:07:00"),
            ("Tue, 5 Mar 2024 14:07:00 +0100 (CET)", "en", "2024-03-05T13:07:00"),
            ("5 March 2024 at 14:07:09 CET", "en", "2024-03-05T13:07:09"),
            ("March 5, 2024, 2:07:00 PM +0100", "en", "2024-03-05T13:07:00"),
            ("Tuesday, March 5, 2024, 02:07:00 PM GMT+1", "en", "2024-03-05T13:07:00"),
            ("26. oktober 2021 kl. 14.25.08 EEST", "da", "2021-10-26T11:25:08"),
            ("mardi 2 novembre 2021, 09:26:50 UTC+1", "fr", "2021-11-02T08:26:50"),
            ("mar. 2 nov. 2021 à 09:26 UTC+1", "fr", "2021-11-02T08:26:00"),
            ("5 de marzo de 2024, 14:07:00 +0100", "es", "2024-03-05T13:07:00"),
            ("5. maaliskuuta 2024 14.07.00 +0100", "fi", "2024-03-05T13:07:00"),
            ("5. července 2024 v 14:07:00 SELČ +0200", "cs", "2024-07-05T12:07:00"),
            ("Dienstag, 2. November 2021, 09:26:50 MEZ", "de", "2021-11-02T08:26:50"),
            ("5. Juli 2024 um 14:07:00 MESZ", "de", "2024-07-05T12:07:00"),
            ("05.03.2024 um 14:07 Uhr MEZ", "de", "2024-03-05T13:07:00"),
            ("5 March 2024 at 14:07:09 MEZ", "en", "2024-03-05T13:07:09"),
            ("2024年3月5日 下午2:07:00 [+0100]", "zh-tw", "2024-03-05T13:07:00"),
            ("2024년 3월 5일 PM 2시 7분 0초 +0100", "ko", "2024-03-05T13:07:00"),
            ("05.03.2024 14:07 +0100", "de", "2024-03-05T13:07:00"),
            ("02/10/2023 4:52 PM EST", "en", "2023-02-10T21:52:00"),
            ("05/03/2024 14:07:00 CET", "pt", "2024-03-05T13:07:00"),
            ("2024-03-05 14:07 UTC", "sv", "2024-03-05T14:07:00"),
            ("5 Μαρτίου 2024, 2:07:00 μ.μ. EET", "el", "2024-03-05T12:07:00"),
            ("5 Μαρτίου 2024, 2:07:00 π.μ. EET", "el", "2024-03-05T00:07:00"),
        ] {
            assert_eq!(utc(printed, language).as_deref(), Some(expected), "{printed}");
        }
    }

    #[test]
    fn a_date_without_a_zone_is_what_the_clocks_showed() {
        let shown = |printed, language| local(printed, bit(language)).map(|at| at.to_string());
        assert_eq!(shown("niedz., 22 lis 2026 o 10:05", "pl").as_deref(), Some("2026-11-22 10:05:00"));
        assert_eq!(shown("den 22 november 2026 10:05", "sv").as_deref(), Some("2026-11-22 10:05:00"));
        assert_eq!(shown("Sunday, November 22, 2026 10:05 PM", "en").as_deref(), Some("2026-11-22 22:05:00"));
        assert_eq!(shown("22 Nov 2026 10:05 +0100", "en"), None, "this is a moment");
        assert_eq!(shown("05/03/2024 14:07", "en"), None);
    }

    #[test]
    fn a_date_that_can_be_read_in_two_ways_is_no_moment() {
        for printed in
            ["5 March 2024 at 14:07", "05/03/2024 14:07 +0100", "Tuesday", "", "99 March 2024 14:07 +0100", "14:07 CET"]
        {
            assert_eq!(utc(printed, "en"), None, "{printed}");
        }
    }
}
