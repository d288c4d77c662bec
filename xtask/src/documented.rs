//! Each `cargo xtask …` in the pages for people is one that the program takes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;

use crate::Cli;

/// What a page shows.
struct Shown {
    /// Line by line in a block, to be typed as it is, or in the midst of a sentence, where a command
    /// may be named without all that it needs.
    is_in_a_block: bool,
    text: String,
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let in_folder = |folder: PathBuf| {
        let files = fs::read_dir(folder).expect("a folder");
        files.map(|file| file.expect("a file").path())
    };
    let mut pages: Vec<PathBuf> = in_folder(root.clone())
        .chain(in_folder(root.join("docs")))
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    pages.sort();
    pages
}

/// The code of a page: lines of its blocks, and what stands between backquotes.
fn code(page: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    for (index, part) in page.split("\n```").enumerate() {
        if index % 2 == 1 {
            shown.extend(part.lines().map(|line| Shown {
                is_in_a_block: true,
                text: line.to_owned(),
            }));
            continue;
        }
        // By paragraphs: a backquote that is left alone spoils no more than its own.
        for paragraph in part.split("\n\n") {
            let inline = paragraph.split('`').skip(1).step_by(2);
            shown.extend(inline.map(|text| Shown {
                is_in_a_block: false,
                text: text.to_owned(),
            }));
        }
    }
    shown
}

/// The arguments of each `cargo xtask` in a text, with examples in place of what a shell or a person fills in.
fn commands(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.split("cargo xtask ").skip(1).map(|rest| {
        let words = rest.split_whitespace();
        let words = words.take_while(|word| !matches!(*word, "#" | "|" | "||" | "&&"));
        let mut arguments = Vec::new();
        for word in words {
            let is_last = word.ends_with([';', ')']);
            let word = word.trim_end_matches([';', ')']);
            arguments.push(match word.trim_matches(['"', '\'']) {
                "$type" | "<type>" => "products".to_owned(),
                word => word.to_owned(),
            });
            if is_last {
                break;
            }
        }
        arguments
    })
}

fn refusal(arguments: &[String], is_in_a_block: bool) -> Option<clap::Error> {
    let typed = std::iter::once("cargo xtask").chain(arguments.iter().map(String::as_str));
    let error = Cli::try_parse_from(typed).err()?;
    let is_named = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let is_help = error.kind() == ErrorKind::DisplayHelp;
    (!is_help && (is_in_a_block || !is_named)).then_some(error)
}

#[test]
fn every_command_in_the_pages_is_one_that_the_program_takes() {
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for Shown {
            is_in_a_block,
            text,
        } in code(&text)
        {
            for arguments in commands(&text) {
                // `cargo xtask …`: any of them.
                if arguments.first().is_none_or(|it| it == "…") {
                    continue;
                }
                seen += 1;
                let refusal = refusal(&arguments, is_in_a_block);
                assert!(
                    refusal.is_none(),
                    "{}: cargo xtask {}: {}",
                    page.display(),
                    arguments.join(" "),
                    refusal.map(|it| it.to_string()).unwrap_or_default()
                );
            }
        }
    }
    assert!(seen > 50, "{seen} commands were found");
}

#[test]
fn a_command_that_is_none_is_noticed() {
    let page = "Run `cargo xtask sync` and `cargo xtask\nnothing`:\n\n```sh\ncargo xtask migrate --now   # at once\n```\n";
    let wrong: Vec<String> = code(page)
        .iter()
        .flat_map(|shown| commands(&shown.text).map(|it| (it, shown.is_in_a_block)))
        .filter(|(arguments, is_in_a_block)| refusal(arguments, *is_in_a_block).is_some())
        .map(|(arguments, _)| arguments.join(" "))
        .collect();
    assert_eq!(wrong, ["migrate --now"]);
    assert!(refusal(&["nothing".to_owned()], false).is_some());
    assert!(
        refusal(&["sync".to_owned()], true).is_some(),
        "it needs a data type"
    );
}
