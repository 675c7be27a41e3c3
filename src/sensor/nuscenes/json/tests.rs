use std::io::Read;

use super::*;

/// Gives its bytes one at a time, so that every value crosses an end of the buffer.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(1).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn read(text: &str) -> JsonReader<'_> {
    JsonReader::new(Drops(text.as_bytes()))
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values_come_out_as_they_were_written_wherever_the_buffer_ends() {
    let text = r#" {"a" : [1, -2.5e3 ,0.1], "ä\n\u00e9\ud83d\ude00": true, "n": null, "i": -7} "#;
    let mut reader = read(text);
    let mut first = true;
    reader.begin_object().unwrap();
    assert_eq!(reader.key(&mut first).unwrap(), Some(b"a".as_slice()));
    assert_eq!(reader.numbers().unwrap(), [1.0, -2500.0, 0.1]);
    assert_eq!(reader.key(&mut first).unwrap(), Some("ä\né😀".as_bytes()));
    assert!(reader.boolean().unwrap());
    assert_eq!(reader.key(&mut first).unwrap(), Some(b"n".as_slice()));
    assert!(reader.null().unwrap());
    assert_eq!(reader.key(&mut first).unwrap(), Some(b"i".as_slice()));
    assert_eq!(reader.integer().unwrap(), -7);
    assert_eq!(reader.key(&mut first).unwrap(), None);
    reader.finish().unwrap();
}

#[test]
fn fields_are_found_in_any_order_and_a_missing_one_is_named() {
    const NAMES: [&str; 3] = ["x", "y", "z"];
    let mut reader = read(r#"{"y": 1, "other": {"deep": [[]]}, "x": 2}"#);
    let (mut fields, mut seen) = (Fields::default(), Vec::new());
    reader.begin_object().unwrap();
    while let Some(field) = reader.field(&mut fields, &NAMES).unwrap() {
        seen.push(field);
        reader.skip().unwrap();
    }
    assert_eq!(seen, [1, UNKNOWN, 0]);
    reader.require(&fields, &NAMES, 2).unwrap();
    assert!(message(reader.require(&fields, &NAMES, 3)).contains("a field \"z\""));
}

#[test]
fn nan_is_a_number_only_where_the_caller_says_so() {
    assert!(read("NaN").number_or_nan("a number").unwrap().is_nan());
    assert_eq!(message(read(" NaN").number()), "byte 1 (line 1): expected a number, found NaN");
    assert!(message(read("NaNa").number_or_nan("a number")).contains("found NaNa"));
    assert!(message(read("Infinity").number_or_nan("a number")).contains("found Infinity"));
}

#[test]
fn what_is_no_number_in_json_is_no_number_here() {
    for text in ["", "-", "+1", "01", ".5", "1.", "1e", "1e+", "0x1", "1-2", "--1", "nan", "1.5.2"]
    {
        let text = format!("[{text}]");
        assert!(read(&text).numbers::<1>().is_err(), "{text}");
    }
    for (text, value) in [("0", 0.0), ("-0.0", 0.0), ("10", 10.0), ("1E2", 100.0), ("2e-1", 0.2)] {
        assert_eq!(read(text).number().unwrap(), value, "{text}");
    }
    assert!(message(read("1e999").number()).contains("range of a double"));
    assert!(message(read("1.0").integer()).contains("a whole number, found 1.0"));
    assert!(read("9223372036854775808").integer().is_err());
}

#[test]
fn a_number_is_the_double_nearest_to_its_digits() {
    let text = "[0.9359367902, 1663.9999999999998, 5e-324, 1.7976931348623157e308]";
    let values: [f64; 4] = read(text).numbers().unwrap();
    assert_eq!(values, [0.9359367902, 1663.9999999999998, 5e-324, f64::MAX]);
}

#[test]
fn an_error_says_the_byte_and_the_line_and_what_is_there() {
    let mut reader = read("[1,\n2,\n\"three\"]");
    assert_eq!(
        message(reader.numbers::<3>()),
        "byte 7 (line 3): expected a number, found the string \"three\""
    );
    assert!(
        message(read("[1, 2]").numbers::<3>()).contains("array of 3 values, found the end after 2")
    );
    assert!(message(read("[1, 2]").numbers::<1>()).contains("array of 1 values, found one more"));
    assert!(message(read("{}").numbers::<2>()).contains("array of 2 values, found an object"));
}

#[test]
fn a_text_that_ends_too_early_is_told_with_the_byte_where_it_ends() {
    for text in [
        "[1, 2",
        "[1,",
        "{\"a\"",
        "{\"a\": ",
        "\"abc",
        "\"ab\\",
        "\"\\u12",
        "[tru",
        "[-",
        "[1.",
        "[1e",
        "[Na",
        "{\"a\": [[1]",
        "\"",
        "[nul",
        "\n\n[",
    ] {
        let (error, length) = (message(read(text).skip()), text.len());
        assert!(error.starts_with(&format!("byte {length} ")), "{text}: {error}");
        assert!(error.ends_with("found the end of the file: the file is cut off"), "{error}");
    }
    assert!(message(read("\n\n[").skip()).contains("(line 3)"));
    let empty = "byte 0 (line 1): expected an object, found the end of the file: the file is empty";
    assert_eq!(message(read("").begin_object()), empty);
    // What is whole but wrong is not said to be cut off.
    for text in ["12", "true", "hello"] {
        assert!(message(read(text).begin_object()).ends_with(&format!("found {text}")), "{text}");
    }
}

#[test]
fn brackets_that_do_not_match_and_stray_commas_are_refused() {
    for text in
        ["[1}", "{\"a\": 1]", "[1,]", "{\"a\": 1,}", "[,1]", "[1 2]", "{\"a\" 1}", "{1: 2}", "]"]
    {
        assert!(read(text).skip().is_err(), "{text}");
    }
}

#[test]
fn brackets_without_end_neither_overflow_the_stack_nor_pass() {
    let text = "[".repeat(100_000);
    assert!(message(read(&text).skip()).contains("at most 128 levels"));
}

#[test]
fn a_string_longer_than_the_buffer_is_read_whole() {
    let long = "x".repeat(3 * BUFFER + 17);
    let text = format!("[\"{long}\", 5]");
    let mut reader = JsonReader::new(text.as_bytes());
    reader.begin_array().unwrap();
    let mut first = true;
    assert!(reader.element(&mut first).unwrap());
    assert_eq!(reader.string().unwrap(), long);
    assert!(reader.element(&mut first).unwrap());
    assert_eq!(reader.number().unwrap(), 5.0);
}

#[test]
fn a_raw_value_is_the_text_as_it_stands() {
    let mut reader = read(r#"[ {"a" : [1.50, NaN], "b\n": null} , 2]"#);
    reader.begin_array().unwrap();
    let mut first = true;
    assert!(reader.element(&mut first).unwrap());
    assert_eq!(reader.raw().unwrap(), r#"{"a" : [1.50, NaN], "b\n": null}"#);
    assert!(reader.element(&mut first).unwrap());
    assert_eq!(reader.raw().unwrap(), "2");
}
