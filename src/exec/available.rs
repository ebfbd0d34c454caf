//! How much memory this machine has left.

use std::fs::read_to_string;

/// Bytes that a process may still take without others, or itself, being ended for it; none where the
/// system does not tell. It tells nothing of what is taken in the next moment.
pub fn available() -> Option<u64> {
    let machine = machine(&read_to_string("/proc/meminfo").ok()?)?;
    Some(group("/sys/fs/cgroup").map_or(machine, |group| group.min(machine)))
}

/// What `/proc/meminfo` says: what can be had without swapping, and by swapping.
fn machine(text: &str) -> Option<u64> {
    let line = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(line("MemAvailable:")?.saturating_add(line("SwapFree:").unwrap_or(0)))
}

/// What is left to a group of processes that has a limit, as a container is one. Files that it has
/// read make room.
fn group(folder: &str) -> Option<u64> {
    let read = |name: &str| read_to_string(format!("{folder}/{name}")).ok();
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (most, taken) = (number(&read("memory.max")?)?, number(&read("memory.current")?)?);
    let stat = read("memory.stat").unwrap_or_default();
    let files = stat.lines().find_map(|line| number(line.strip_prefix("inactive_file ")?));
    Some(most.saturating_sub(taken.saturating_sub(files.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let text = "MemTotal: 9 kB\nMemAvailable:    5 kB\nSwapFree:        2 kB\n";
        assert_eq!(machine(text), Some(7 << 10));
        assert_eq!([machine("MemTotal: 9 kB"), machine("MemAvailable: much")], [None; 2]);
        // Without a limit there is none.
        let folder = std::env::temp_dir().join(format!("cluec-group-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        let group = || group(folder.to_str().unwrap());
        assert_eq!(group(), None);
        write("memory.max", "max\n");
        write("memory.current", "700\n");
        assert_eq!(group(), None);
        write("memory.max", "1000\n");
        assert_eq!(group(), Some(300));
        write("memory.stat", "anon 500\ninactive_file 150\n");
        assert_eq!(group(), Some(450));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
