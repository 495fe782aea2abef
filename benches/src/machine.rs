//! What the figures were taken on.

/// Prints cores, processor and kernel.
pub(crate) fn print() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("machine: {cores} cores,{} kernel {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim());
}
