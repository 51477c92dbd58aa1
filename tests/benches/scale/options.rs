//! The command line.

/// For whoever got it wrong.
pub const USAGE: &str = "usage: scale [--part partitions|pipelines|agents|start|memory]... [--events N] [--rounds N] [--json|--markdown]";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// More partitions for one pipeline.
    Partitions,
    /// More pipelines in one agent.
    Pipelines,
    /// More agents in one group.
    Agents,
    /// Starting.
    Start,
    /// Resident memory.
    Memory,
}

impl Part {
    const ALL: [Part; 5] = [Part::Partitions, Part::Pipelines, Part::Agents, Part::Start, Part::Memory];

    /// On the command line, and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Part::Partitions => "partitions",
            Part::Pipelines => "pipelines",
            Part::Agents => "agents",
            Part::Start => "start",
            Part::Memory => "memory",
        }
    }
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For a terminal.
    Text,
    /// For the README.
    Markdown,
    /// For programs: a line a table.
    Json,
}

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    /// In this order.
    pub parts: Vec<Part>,
    /// Events that one run moves.
    pub events: u64,
    /// Runs of each contestant.
    pub rounds: usize,
    /// How results are written.
    pub form: Form,
    /// Small, only to show that it works.
    pub smoke: bool,
}

impl Options {
    /// The error says what is wrong.
    pub fn read(arguments: &[String]) -> Result<Options, String> {
        let (mut parts, mut events, mut rounds, mut form) = (Vec::new(), None, None, Form::Text);
        // What cargo tells every benchmark, unless it is run as a test.
        let smoke = !arguments.iter().any(|argument| argument == "--bench");
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            let number = |text: &String| text.parse::<u64>().ok().filter(|number| *number > 0).ok_or(format!("{argument} needs a number"));
            match argument.as_str() {
                "--part" => {
                    let name = value()?;
                    parts.push(Part::ALL.into_iter().find(|part| part.name() == name).ok_or(format!("no part {name:?}"))?);
                }
                "--events" => events = Some(number(value()?)?),
                "--rounds" => rounds = Some(number(value()?)? as usize),
                "--json" => form = Form::Json,
                "--markdown" => form = Form::Markdown,
                "--bench" => {}
                other => return Err(format!("unknown argument {other}")),
            }
        }
        if parts.is_empty() {
            parts = if smoke { vec![Part::Pipelines, Part::Agents] } else { Part::ALL.to_vec() };
        }
        let (usual_events, usual_rounds) = if smoke { (20_000, 1) } else { (1_000_000, 2) };
        Ok(Options { parts, events: events.unwrap_or(usual_events), rounds: rounds.unwrap_or(usual_rounds), form, smoke })
    }
}
