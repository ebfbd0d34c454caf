//! What the result of a run follows from, in one word.

use crate::model::Identity;
use crate::train::Earlier;
use std::path::Path;

/// Equal for runs of one graph, recipe (with its seed), data and number of steps, whatever files and
/// names they come from. `folder` is where the images are, if not where the data item says; `steps`
/// ends the training early.
pub fn key(identity: &Identity, folder: Option<&Path>, steps: Option<u64>) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut line = |text: &str| {
        hasher.update(text.as_bytes());
        hasher.update(b"\n");
    };
    line(&identity.graph);
    identity.recipe.iter().for_each(|setting| line(setting));
    for setting in &identity.data {
        // The same folder, however it is called from here.
        match setting.strip_prefix("data.files ") {
            Some(said) => {
                let said = Path::new(said.trim_matches('"'));
                let folder = folder.unwrap_or(said);
                let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
                line(&whole.to_string_lossy());
            }
            None => line(setting),
        }
    }
    line(&steps.map_or("to the end".to_string(), |steps| format!("{steps} steps")));
    hasher.finalize().to_hex()[..16].to_string()
}

/// Of a run whose earlier steps followed from something else: no text has it, as none gives its result.
pub fn after(earlier: &[Earlier], key: String) -> String {
    if earlier.is_empty() {
        return key;
    }
    let mut hasher = blake3::Hasher::new();
    for Earlier { until, key } in earlier {
        hasher.update(format!("{key} until {until}\n").as_bytes());
    }
    hasher.update(key.as_bytes());
    hasher.finalize().to_hex()[..16].to_string()
}
