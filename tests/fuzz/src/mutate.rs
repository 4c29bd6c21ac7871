//! Mutations that know what mail is made of, always the same for a seed.

/// A little chance (SplitMix64): what a failure was fed with is found again.
pub struct Chance(u64);

impl Chance {
    /// Always the same for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The longest input: what is quadratic shows already.
const LONGEST: usize = 48 * 1024;

/// What means something to somebody who reads mail.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\0",
    b"\t",
    b" ",
    b"\"",
    b"\\",
    b"<",
    b">",
    b"<>",
    b"(",
    b")",
    b";",
    b":",
    b",",
    b"@",
    b"=",
    b"=?",
    b"?=",
    b"=?utf-8?B?",
    b"=?utf-8?Q?",
    b"=?iso-2022-jp?B?GyRC?=",
    b"=?utf-16be?B?2AA=?=",
    b"--",
    b"--b\r\n",
    b"--b--\r\n",
    b"{10}\r\n",
    b"{0}\r\n",
    b"{4294967296}\r\n",
    b"{9999999999999999999999}\r\n",
    b"NIL",
    b"* ",
    b"+ ",
    b"M1 ",
    b"M2 OK done\r\n",
    b"M3 OK done\r\n",
    b"M4 OK done\r\n",
    b"M2 NO [UNAVAILABLE] x\r\n",
    b"* BYE x\r\n",
    b"* 9 EXISTS\r\n",
    b"* 1 EXPUNGE\r\n",
    b"* SEARCH 3 4\r\n",
    b"* 4 FETCH (UID 5)\r\n",
    b"* OK [UIDVALIDITY 0] x\r\n",
    b"* OK [UIDNEXT 4294967296] x\r\n",
    b" BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*=utf-8''%2e%2e%2f\r\n",
    b"From: ",
    b"To: ",
    b"Subject: ",
    b"Date: ",
    b"Message-ID: <a@b.example>\r\n",
    b"In-Reply-To: ",
    b"References: ",
    b"Auto-Submitted: auto-replied\r\n",
    b"---------- Forwarded message ---------\r\n",
    b"-----Original Message-----\r\n",
    b"> ",
    b">> ",
    b"On Sun, 22 Nov 2026 at 10:05, Anna <a@b.example> wrote:\r\n",
    b"-- \r\n",
    b"Re: ",
    b"Fwd: ",
    b"AW: ",
    b"[x] ",
    b"RE[2]: ",
    b"(fwd)",
    b"<blockquote>",
    b"</blockquote>",
    b"<div class=\"gmail_quote\">",
    b"<table>",
    b"<td>",
    b"<!--",
    b"-->",
    b"<script>",
    b"&#x202e;",
    b"&nbsp;",
    b"dkim=pass header.d=customer.example ",
    b"spf=pass smtp.mailfrom=customer.example ",
    b"dmarc=fail ",
    b"compauth=pass ",
    b"mx.google.com; ",
    b"(comment (nested",
    "\u{200b}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{130}".as_bytes(),
    "\u{df}".as_bytes(),
    "\u{ff1a}".as_bytes(),
    "\u{301}".as_bytes(),
    b"\xff",
    b"\xc3",
    b"\xf0\x9f",
    b"\xed\xa0\x80",
    b"\x1b$B",
];

/// A mutation of one of `seeds`, or of two of them.
pub fn mutated(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut raw = chance.pick(seeds).clone();
    raw.truncate(LONGEST);
    for _ in 0..=chance.below(8) {
        step(&mut raw, seeds, chance);
        raw.truncate(LONGEST);
    }
    raw
}

fn step(raw: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut Chance) {
    // The beginning is where most of the meaning is.
    let reach = if chance.below(2) == 0 { raw.len().min(600) } else { raw.len() };
    let at = chance.below(reach + 1).min(raw.len());
    let end = (at + 1 + chance.below(60)).min(raw.len());
    match chance.below(12) {
        0 => raw.truncate(at),
        1 if at < raw.len() => raw[at] ^= 1 << chance.below(8),
        2 if at < raw.len() => raw[at] = u8::try_from(chance.below(256)).unwrap_or(0),
        3 | 4 => insert(raw, at, chance.pick::<&[u8]>(WORDS)),
        5 => drop(raw.drain(at..end)),
        6 => {
            let piece = raw[at..end].to_vec();
            insert(raw, chance.below(raw.len() + 1), &piece);
        }
        7 => {
            let other = chance.pick(seeds);
            let from = chance.below(other.len() + 1);
            let to = (from + chance.below(400)).min(other.len());
            insert(raw, at, &other[from..to]);
        }
        8 => {
            let other = chance.pick(seeds);
            raw.truncate(at);
            raw.extend_from_slice(&other[chance.below(other.len() + 1)..]);
        }
        9 => lines_change_places(raw, chance),
        10 => {
            let word = *chance.pick(WORDS);
            let times = 1 << chance.below(12);
            insert(raw, at, &word.repeat(times.min(LONGEST / word.len())));
        }
        _ => raw[at..end].reverse(),
    }
}

fn insert(raw: &mut Vec<u8>, at: usize, piece: &[u8]) {
    raw.splice(at..at, piece.iter().copied());
}

fn lines_change_places(raw: &mut Vec<u8>, chance: &mut Chance) {
    let mut lines: Vec<Vec<u8>> = raw.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.len() > 1 {
        let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
        lines.swap(one, other);
        *raw = lines.concat();
    }
}
