//! What a table of the record's members is made of. The table itself stands in `table.rs`; the scanner checks
//! callers' text against it, and `auditdb schema` prints it.

/// One object of the schema: its name and its known members.
#[derive(Debug)]
pub struct Shape {
    /// The object's name in the JSON Schema.
    pub name: &'static str,
    /// What the object is for.
    pub doc: &'static str,
    /// Its known members; others are allowed everywhere and kept as they are.
    pub fields: &'static [Field],
    /// The members that have to be there, as bits by their place in `fields`; at most 64 members are known.
    pub required: u64,
}

/// One known member of an object.
#[derive(Debug)]
pub struct Field {
    /// The member's name as it stands in the text.
    pub name: &'static str,
    /// What its value has to be.
    pub ty: Type,
    /// Whether the object is refused without it (`null` counts as absent).
    pub required: bool,
    /// What the member says.
    pub doc: &'static str,
    /// The name under which queries find it (`tool` for `tools[].name`), if they do.
    pub query: Option<&'static str>,
}

/// What a member's value has to be.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// 1 to 256 bytes of text without control characters, compared byte for byte.
    Str,
    /// Text of any length.
    Text,
    /// An RFC 3339 time with an offset, years 1678 to 2261.
    Time,
    /// A UUID.
    Id,
    /// `algorithm:hex`.
    Digest,
    /// This many lower-case hexadecimal digits.
    Hex(usize),
    /// A whole number of at least this much.
    Integer(i64),
    /// A number of at least this much, if a least one is given.
    Number(Option<f64>),
    /// A number between 0 and 1.
    Share,
    /// True or false.
    Bool,
    /// Any JSON value.
    Any,
    /// An object of any members.
    Open,
    /// One of these names and no other.
    Closed(&'static [&'static str]),
    /// A [`Type::Str`]; these names are the usual ones.
    Usual(&'static [&'static str]),
    /// An object of known members.
    Object(&'static Shape),
    /// A list whose elements are of this type.
    List(&'static Type),
}

impl Shape {
    /// A shape of these members.
    #[expect(clippy::indexing_slicing, reason = "the loop's own bounds, in a constant")]
    pub(crate) const fn new(name: &'static str, doc: &'static str, fields: &'static [Field]) -> Self {
        assert!(fields.len() <= 64, "an object has at most 64 known members");
        let (mut required, mut place) = (0, 0);
        while place < fields.len() {
            if fields[place].required {
                required |= 1 << place;
            }
            place += 1;
        }
        Shape {
            name,
            doc,
            fields,
            required,
        }
    }

    /// The place of the known member of that name, looked for behind `from` first.
    pub(crate) fn place(&self, name: &[u8], from: usize) -> Option<usize> {
        // The first byte tells most names apart, and costs no call.
        let is = |field: &Field| field.name.as_bytes().first() == name.first() && field.name.as_bytes() == name;
        let (before, behind) = self.fields.split_at_checked(from).unwrap_or((self.fields, &[]));
        let found = behind.iter().position(is).map(|place| from + place);
        found.or_else(|| before.iter().position(is))
    }

    /// The known member of that name.
    pub fn field(&self, name: &[u8]) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name.as_bytes() == name)
    }
}
