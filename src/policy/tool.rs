//! What is known of a tool that agents only name: the system behind it, what it does there, and to whose data.

/// `[tools.NAME]`: what a call of that tool touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolRule {
    /// Of this rule, as its author counts.
    pub(crate) version: Option<String>,
    pub(crate) system: String,
    pub(crate) operation: String,
    pub(crate) sensitivity: Option<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) legal_basis: Option<String>,
    /// Where in the call's parameters the resource stands and the subjects do, as JSON Pointers (RFC 6901).
    pub(crate) resource: Option<String>,
    pub(crate) subject: Vec<String>,
}
