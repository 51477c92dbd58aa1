//! How an error is told: every error prints itself alone, whoever handles it prints the chain.

/// The error and its causes in one line, as in `read plugin "score.wasm": permission denied`.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
