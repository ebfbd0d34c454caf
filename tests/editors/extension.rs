//! The folder of the Visual Studio Code extension holds together.

use crate::text::root;
use serde_json::Value;

fn json(file: &str) -> Value {
    let path = root().join("editors/vscode").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_file_it_names_is_there() {
    let package = json("package.json");
    let (language, grammar) =
        (&package["contributes"]["languages"][0], &package["contributes"]["grammars"][0]);
    for file in [&package["main"], &language["configuration"], &grammar["path"]] {
        let path = root().join("editors/vscode").join(file.as_str().unwrap());
        assert!(path.is_file(), "{} is missing", path.display());
    }
    assert_eq!(language["extensions"], serde_json::json!([".clue"]));
    assert_eq!(grammar["language"], language["id"]);
    let textmate = json(grammar["path"].as_str().unwrap());
    assert_eq!(grammar["scopeName"], textmate["scopeName"]);
}

#[test]
fn it_starts_the_server_that_there_is() {
    let client = std::fs::read_to_string(root().join("editors/vscode/extension.js")).unwrap();
    assert!(client.contains("args: [\"lsp\"]"));
    assert_eq!(
        json("package.json")["contributes"]["configuration"]["properties"]["clue.server"]["default"],
        "cluec"
    );
}

#[test]
fn its_patterns_compile() {
    let configuration = json("language-configuration.json");
    let rules = &configuration["indentationRules"];
    for pattern in [
        &configuration["wordPattern"],
        &rules["increaseIndentPattern"],
        &rules["decreaseIndentPattern"],
        &configuration["onEnterRules"][0]["beforeText"],
    ] {
        fancy_regex::Regex::new(pattern.as_str().unwrap()).unwrap();
    }
}
