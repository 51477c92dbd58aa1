//! `sasl.jaas.config`, a line of Java's login configuration, as librdkafka's properties.

/// A login configuration that cannot be used. Shows nothing of it: it holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not `module required name="value" ...;`.
    #[error("expected `module required name=\"value\" ...;`")]
    Syntax,
    /// A login module without counterpart.
    #[error("the login module is not supported; PlainLoginModule, ScramLoginModule and Krb5LoginModule are")]
    Module,
    /// An option that the module needs.
    #[error("the option `{0}` is missing")]
    Missing(&'static str),
}

/// librdkafka's properties for a login configuration, by name.
///
/// # Errors
/// When it is malformed, of another module, or incomplete.
pub fn parse(text: &str) -> Result<Vec<(&'static str, String)>, Error> {
    let mut words = words(text.trim().strip_suffix(';').ok_or(Error::Syntax)?)?.into_iter();
    let module = words.next().ok_or(Error::Syntax)?;
    let flag = words.next().ok_or(Error::Syntax)?;
    if !["required", "requisite", "sufficient", "optional"].iter().any(|known| flag.eq_ignore_ascii_case(known)) {
        return Err(Error::Syntax);
    }
    let mut options = Vec::new();
    for word in words {
        let (name, value) = word.split_once('=').ok_or(Error::Syntax)?;
        options.push((name.to_owned(), value.to_owned()));
    }
    let option = |wanted: &'static str| options.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let required = |wanted| option(wanted).ok_or(Error::Missing(wanted));
    match module.rsplit('.').next().unwrap_or_default() {
        "PlainLoginModule" | "ScramLoginModule" => {
            Ok(vec![("sasl.username", required("username")?), ("sasl.password", required("password")?)])
        }
        "Krb5LoginModule" => {
            let mut properties = vec![("sasl.kerberos.keytab", required("keyTab")?), ("sasl.kerberos.principal", required("principal")?)];
            properties.extend(option("serviceName").map(|service| ("sasl.kerberos.service.name", service)));
            Ok(properties)
        }
        _ => Err(Error::Module),
    }
}

/// Words separated by blanks; quotes hold a word together, a backslash escapes within them.
fn words(text: &str) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => word.push(characters.next().ok_or(Error::Syntax)?),
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, blank) if blank.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(character),
        }
    }
    if quote.is_some() {
        return Err(Error::Syntax);
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_scram_give_user_and_password() {
        let text = r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="a b" password="p\"w=;";"#;
        assert_eq!(parse(text).unwrap(), vec![("sasl.username", "a b".to_owned()), ("sasl.password", "p\"w=;".to_owned())]);
    }

    #[test]
    fn kerberos_gives_keytab_and_principal() {
        let text = r#"com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab="/k" principal="p@R";"#;
        assert_eq!(parse(text).unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_showing_it() {
        assert_eq!(parse("PlainLoginModule required username=\"a\";"), Err(Error::Missing("password")));
        assert_eq!(parse("com.example.Mine required;"), Err(Error::Module));
        for text in ["", ";", "PlainLoginModule", "PlainLoginModule required username=\"a;", "PlainLoginModule x y=z;"] {
            assert_eq!(parse(text), Err(Error::Syntax), "{text}");
        }
    }
}
