//! A plugin's settings against the parameters it describes: an unknown one, a missing one, defaults.

use std::collections::BTreeMap;

use super::lifecycle::Parameter;

/// How near a name must be to be worth a "did you mean".
const NEAR: f64 = 0.7;

/// The settings to hand to the plugin, defaults filled in; or every problem.
pub(super) fn check(given: &BTreeMap<String, String>, parameters: &[Parameter]) -> Result<Vec<(String, String)>, Vec<String>> {
    let mut problems: Vec<String> = Vec::new();
    for name in given.keys() {
        if parameters.iter().all(|parameter| parameter.name != *name) {
            problems.push(unknown(name, parameters));
        }
    }
    let mut settings = Vec::new();
    for parameter in parameters {
        match given.get(&parameter.name).or(parameter.default.as_ref()) {
            Some(value) => settings.push((parameter.name.clone(), value.clone())),
            None if parameter.required => problems.push(format!("`{}` is required ({})", parameter.name, parameter.description)),
            None => {}
        }
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn unknown(name: &str, parameters: &[Parameter]) -> String {
    let likeness = |parameter: &Parameter| strsim::jaro_winkler(name, &parameter.name);
    let nearest = parameters.iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    match nearest {
        None => format!("`{name}` is unknown: this plugin takes no settings"),
        Some(parameter) if likeness(parameter) >= NEAR => format!("`{name}` is unknown; did you mean `{}`?", parameter.name),
        Some(_) => {
            let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            format!("`{name}` is unknown; this plugin takes {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, required: bool, default: Option<&str>) -> Parameter {
        Parameter { name: name.into(), description: "what it is".into(), required, default: default.map(str::to_owned) }
    }

    fn given(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn defaults_are_filled_in_and_optional_ones_left_out() {
        let parameters = [parameter("limit", false, Some("500")), parameter("key", true, None), parameter("note", false, None)];
        let settings = check(&given(&[("key", "k")]), &parameters).expect("they fit");
        assert_eq!(settings, [("limit".to_owned(), "500".to_owned()), ("key".to_owned(), "k".to_owned())]);
    }

    #[test]
    fn every_problem_is_named_with_the_nearest_name() {
        let parameters = [parameter("threshold", true, None)];
        let problems = check(&given(&[("treshold", "1"), ("zzz", "1")]), &parameters).expect_err("they do not fit");
        assert_eq!(
            problems,
            [
                "`treshold` is unknown; did you mean `threshold`?",
                "`zzz` is unknown; this plugin takes threshold",
                "`threshold` is required (what it is)"
            ]
        );
    }
}
