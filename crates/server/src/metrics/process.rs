//! The process as its operating system sees it, under the names Prometheus clients share.

use millrace_base::metrics::Definition;

use super::seconds;

const RESIDENT: Definition = Definition::gauge("process_resident_memory_bytes", "Resident memory in bytes.");
const VIRTUAL: Definition = Definition::gauge("process_virtual_memory_bytes", "Virtual memory in bytes.");
const CPU: Definition = Definition::counter(
    "process_cpu_seconds_total",
    "User and system CPU time in seconds.",
);
const OPEN_FILES: Definition = Definition::gauge("process_open_fds", "File descriptors that are open.");
const MAX_FILES: Definition = Definition::gauge("process_max_fds", "File descriptors that may be open.");
const THREADS: Definition = Definition::gauge("process_threads", "Threads of the process.");

/// Appends what the operating system says; what it does not say is left out.
pub(crate) fn write_process(out: &mut String) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let status = read("status");
    let kib = |name: &str| -> Option<u64> { field(&status, name)?.strip_suffix("kB")?.trim().parse().ok() };
    if let Some(kib) = kib("VmRSS:") {
        RESIDENT.write(out, kib * 1024);
    }
    if let Some(kib) = kib("VmSize:") {
        VIRTUAL.write(out, kib * 1024);
    }
    if let Some(threads) = field(&status, "Threads:") {
        THREADS.write(out, threads);
    }
    if let Some(micros) = cpu_micros() {
        CPU.write(out, seconds(micros));
    }
    if let Ok(listing) = std::fs::read_dir("/proc/self/fd") {
        // The listing itself is one of them.
        OPEN_FILES.write(out, listing.count().saturating_sub(1));
    }
    let limits = read("limits");
    let open_files = field(&limits, "Max open files").and_then(|rest| rest.split_whitespace().next());
    if let Some(most) = open_files.filter(|text| text.bytes().all(|b| b.is_ascii_digit())) {
        MAX_FILES.write(out, most);
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// User and system time of the process: the 14th and 15th field of `/proc/self/stat` (proc(5)), in ticks, which are
/// 10 ms on every Linux this runs on. The command in parentheses may contain spaces.
fn cpu_micros() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: u64 = fields
        .get(11..13)?
        .iter()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Some(ticks * 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_numbers() {
        let mut out = String::new();
        write_process(&mut out);
        for name in [
            RESIDENT.name,
            VIRTUAL.name,
            CPU.name,
            OPEN_FILES.name,
            THREADS.name,
        ] {
            let line = out.lines().find(|line| line.starts_with(&format!("{name} ")));
            let value: f64 = line
                .unwrap_or_else(|| panic!("{name}: {out}"))
                .rsplit(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert!(
                value >= 0.0 && (name == CPU.name || value > 0.0),
                "{name} {value}"
            );
        }
    }
}
