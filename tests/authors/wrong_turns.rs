//! What an author does wrong on the way to a component, and what is said about it. What can be wrong with one is in `plugin/tools.rs`.

use std::fs;
use std::process::Command;

use super::{Desk, NAME, bring_tools};
use crate::harness::agent::binary;
use crate::harness::turn;

/// Exit codes of `weir plugin`: something is wrong with the plugin; how it was called; a tool is missing.
const FINDINGS: i32 = 1;
const USAGE: i32 = 64;
const UNAVAILABLE: i32 = 69;

/// The language, the file that a mistake goes into, the mistake, and what must be said of it.
const MISTAKES: [(&str, &str, &str, &[&str]); 5] = [
    ("go", "main.go", "\nfunc oops( {\n", &["main.go", "syntax error"]),
    ("ts", "src/index.ts", "\nconst oops = ;\n", &["src/index.ts", "Unexpected"]),
    ("c", "plugin.c", "\nint oops( {\n", &["plugin.c", "error"]),
    ("python", "src/first_try.py", "\ndef oops(:\n", &["first_try.py", "SyntaxError"]),
    // Of a module that throws while it is loaded.
    ("js", "src/index.js", "\nthrow new Error('not today')\n", &["not today"]),
];

fn show(what: &str, said: &str) {
    println!("== {what}\n{}", said.trim_end());
}

#[test]
fn a_name_or_a_language_that_cannot_be_is_refused_before_anything_is_written() {
    let desk = Desk::new("names");
    for name in ["", "../up", "Has Space", "-x", "1"] {
        let said = desk.weir(&["plugin", "new", "--lang", "c", "--", name]).ill(USAGE, &[]);
        show(&format!("new {name:?}"), &said);
    }
    let done = desk.weir(&["plugin", "new", NAME, "--lang", "cobol"]);
    assert_ne!(done.code, 0);
    show("--lang cobol", &done.said);
    assert_eq!(fs::read_dir(&desk.directory).unwrap().count(), 0);
    assert_eq!(desk.weir(&["plugin", "new", NAME, "--lang", "c"]).code, 0);
    show("new, twice", &desk.weir(&["plugin", "new", NAME, "--lang", "c"]).ill(USAGE, &[NAME]));
}

#[test]
fn a_missing_tool_is_named_with_what_brings_it() {
    for (language, tool) in [("rust", "cargo"), ("go", "go"), ("python", "python3"), ("js", "npm"), ("c", "clang")] {
        let desk = Desk::new(language);
        assert_eq!(desk.weir(&["plugin", "new", NAME, "--lang", language]).code, 0);
        let project = desk.project();
        let done = project.run(Command::new(binary()).args(["plugin", "build"]).env("PATH", "/nowhere"));
        show(&format!("{language}, no tools"), &done.ill(UNAVAILABLE, &[tool, "what brings it:"]));
    }
}

#[test]
fn a_mistake_in_the_source_is_shown_as_the_tool_says_it() {
    let _turn = turn::shared();
    bring_tools();
    for (language, file, mistake, words) in MISTAKES {
        let desk = Desk::new(language);
        assert_eq!(desk.weir(&["plugin", "new", NAME, "--lang", language]).code, 0);
        let project = desk.project();
        let source = project.directory.join(file);
        fs::write(&source, fs::read_to_string(&source).unwrap() + mistake).unwrap();
        show(&format!("{language}, a mistake"), &project.weir(&["plugin", "build"]).ill(FINDINGS, words));
        assert!(!project.directory.join(format!("build/{NAME}.wasm")).exists());
    }
}
