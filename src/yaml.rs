//! Errors of YAML in words for those who wrote the file: where, what, and the text there.

use serde_saphyr::{Error, UserMessageFormatter};

/// The error with line, column and a snippet under the file's own name. What it says is for the file's
/// author, so settings of the parser are not in it.
pub(crate) fn explain(error: &Error, file: &str) -> String {
    // The parser was given a text and calls it so.
    let said = error.render_with_formatter(&UserMessageFormatter);
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    said.replacen("--> <input>:", &format!("--> {file}:"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let error = serde_saphyr::from_str::<std::collections::BTreeMap<String, u8>>(text);
        explain(&error.unwrap_err(), "my.yaml")
    }

    #[test]
    fn the_snippet_stands_under_the_files_name() {
        let lines = ["line 2 column 4: invalid u8", " --> my.yaml:2:4", "2 | b: many"];
        let told = said("a: 1\nb: many\n");
        assert!(lines.iter().all(|line| told.contains(line)), "{told}");
    }

    #[test]
    fn a_key_that_comes_twice_is_no_matter_of_the_parsers_settings() {
        let told = said("a: 1\na: 2\n");
        assert!(told.starts_with("line 2 column 1: duplicate mapping key `a`"), "{told}");
        assert!(!told.contains("Policy") && !told.contains("<input>"), "{told}");
    }
}
