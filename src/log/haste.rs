//! Which threads go first where there are more of them than processors: whoever appends waits for an answer, sealing only
//! for room, and indexing for nothing.

/// How much a thread's work can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// It goes behind what callers wait for.
    Soon,
    /// It goes behind everything else.
    Whenever,
}

/// Gives the calling thread a lower priority than the process's others, where the system has one for each thread. Without it
/// everything is as right, and slower to answer on a busy machine.
pub(crate) fn yield_to_others(haste: Haste) {
    let steps = match haste {
        Haste::Soon => 5,
        Haste::Whenever => 10,
    };
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(steps);
    #[cfg(not(target_os = "linux"))]
    let _ = steps;
}
