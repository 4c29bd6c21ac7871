//! Lines of CSV (RFC 4180) or JSON Lines as named fields.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::fields::{Field, Fields};
use super::{ImportError, Kind};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated, with a header row.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl Form {
    /// What the file's name says.
    pub fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" | "json" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// One line: its number and its fields, or why it has none.
pub struct Line {
    /// Counted from 1; where a quoted field spans lines, the first.
    pub number: u64,
    pub fields: Result<Fields, String>,
}

/// The lines of a file.
pub enum Lines<R: Read> {
    Csv { reader: Box<csv::Reader<R>>, header: Vec<&'static str> },
    Json { reader: R, number: u64, kind: Kind },
}

/// Finds the form, checks the header.
pub fn open<R: Read>(input: R, form: Option<Form>, kind: Kind) -> Result<Lines<BufReader<R>>, ImportError> {
    let mut reader = BufReader::with_capacity(1 << 16, input);
    let start = reader.fill_buf()?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(ImportError::Form("the file is in UTF-16: save it as UTF-8 and import it again".into()));
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let first = reader.fill_buf()?.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(b'[') {
        let reason = "the file is one JSON array: write one object a line (JSON Lines), as `jq -c '.[]'` does";
        return Err(ImportError::Form(reason.into()));
    }
    match form.unwrap_or(if first == Some(b'{') { Form::JsonLines } else { Form::Csv }) {
        Form::JsonLines => Ok(Lines::Json { reader, number: 0, kind }),
        Form::Csv => {
            let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
            let header = header(&mut reader, kind)?;
            Ok(Lines::Csv { reader: Box::new(reader), header })
        }
    }
}

fn header<R: Read>(reader: &mut csv::Reader<R>, kind: Kind) -> Result<Vec<&'static str>, ImportError> {
    let names = reader.headers().map_err(of_csv)?;
    let mut header = Vec::new();
    for name in names {
        let column = column(kind, name).map_err(ImportError::Form)?;
        if header.contains(&column) {
            return Err(ImportError::Form(format!("the column {column} is there twice")));
        }
        header.push(column);
    }
    let key = kind.columns().first().copied().unwrap_or_default();
    if !header.contains(&key) {
        let columns = kind.columns().join(",");
        return Err(ImportError::Form(format!("the first line must name the columns, {key} among them: {columns}")));
    }
    Ok(header)
}

/// The column of that name, in any case.
fn column(kind: Kind, name: &str) -> Result<&'static str, String> {
    let known = kind.columns().iter().copied().find(|column| column.eq_ignore_ascii_case(name));
    known.ok_or_else(|| {
        let hint = if name.contains([';', '\t']) { "; separate the columns by commas" } else { "" };
        format!("there is no column \"{name}\" in {kind}: the columns are {}{hint}", kind.columns().join(","))
    })
}

impl<R: BufRead> Lines<R> {
    /// The next line that is not empty.
    pub fn next(&mut self) -> Result<Option<Line>, ImportError> {
        match self {
            Self::Csv { reader, header } => next_csv(reader, header),
            Self::Json { reader, number, kind } => next_json(reader, number, *kind),
        }
    }
}

fn next_csv<R: Read>(reader: &mut csv::Reader<R>, header: &[&'static str]) -> Result<Option<Line>, ImportError> {
    let mut record = csv::StringRecord::new();
    let before = reader.position().line();
    match reader.read_record(&mut record) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let number = record.position().map_or(before, csv::Position::line);
            let fields = header.iter().zip(&record).map(|(column, text)| (*column, Field::Text(text.to_owned())));
            Ok(Some(Line { number, fields: Ok(Fields::new(fields.collect())) }))
        }
        Err(error) => {
            let number = error.position().map_or(before, csv::Position::line);
            let reason = match error.kind() {
                csv::ErrorKind::Io(_) => return Err(of_csv(error)),
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("{len} fields where the header has {expected_len}; is a field with a comma not in quotes?")
                }
                csv::ErrorKind::Utf8 { .. } => "not UTF-8: save the file as UTF-8 and import it again".to_owned(),
                _ => "no CSV".to_owned(),
            };
            Ok(Some(Line { number, fields: Err(reason) }))
        }
    }
}

fn of_csv(error: csv::Error) -> ImportError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ImportError::Read(error),
        _ => ImportError::Form("the first line is no CSV header in UTF-8".into()),
    }
}

fn next_json<R: BufRead>(reader: &mut R, number: &mut u64, kind: Kind) -> Result<Option<Line>, ImportError> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        *number += 1;
        if !line.trim_ascii().is_empty() {
            return Ok(Some(Line { number: *number, fields: json_fields(&line, kind) }));
        }
    }
}

fn json_fields(line: &[u8], kind: Kind) -> Result<Fields, String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).map_err(|e| {
        let what = if e.is_data() { "no JSON object" } else { "no JSON" };
        format!("{what} (column {})", e.column())
    })?;
    let mut fields = Vec::with_capacity(object.len());
    for (name, value) in object {
        fields.push((column(kind, &name)?, Field::of_json(&name, value)?));
    }
    Ok(Fields::new(fields))
}
