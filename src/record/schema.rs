//! The table, printed: as JSON Schema (draft 2020-12) and as the list of names in queries.
//!
//! What must hold: the schema refuses nothing that the log takes. Where a schema cannot say what the log checks
//! (bytes rather than characters, nesting, lines), it is the wider one and the description says the rest.

use super::kinds::LOG_KINDS;
use super::shape::{Field, Shape, Type};
use super::table::{LOG_KIND_MEMBERS, LOG_MEMBERS, LOG_ONLY, RECORD};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

/// One name in queries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryName {
    /// The name: singular, dotted where it is not the object's main member.
    pub name: &'static str,
    /// Where it looks, such as `tools[].system`; a hit in any of them counts.
    pub paths: Vec<String>,
    /// What it holds, in a word.
    pub type_name: &'static str,
    /// The names it holds, all or the usual ones; empty where it holds anything.
    pub values: &'static [&'static str],
    /// What it says, by its first place.
    pub doc: &'static str,
}

/// The JSON Schema of what `append` takes.
pub fn json_schema() -> String {
    let refused = |name: &&str| {
        let why = json!("Set by the log alone; refused from callers.");
        (
            name.to_string(),
            Node::Object(vec![
                ("description".into(), why.into()),
                ("not".into(), json!({}).into()),
            ]),
        )
    };
    let callers = RECORD.fields.iter().map(|field| {
        let mut property = property(field);
        if field.name == "kind" {
            property.push(("not".into(), json!({ "enum": LOG_KINDS }).into()));
        }
        (field.name.to_owned(), Node::Object(property))
    });
    let properties = callers.chain(LOG_ONLY.iter().map(refused)).collect();
    print(
        "What auditdb takes as a record, version 1",
        properties,
        &[&RECORD],
        &RECORD.fields.iter().collect::<Vec<_>>(),
    )
}

/// The JSON Schema of a stored line: the log's members, then the caller's.
pub fn stored_schema() -> String {
    let tops = [&LOG_MEMBERS, &RECORD, &LOG_KIND_MEMBERS];
    let mut fields: Vec<&Field> = Vec::new();
    for field in tops.iter().flat_map(|shape| shape.fields) {
        if fields.iter().all(|known| known.name != field.name) {
            fields.push(field);
        }
    }
    let properties = fields
        .iter()
        .map(|field| (field.name.to_owned(), Node::Object(property(field))))
        .collect();
    print("A record as auditdb stores it, version 1", properties, &tops, &fields)
}

/// The names in queries, in the table's order.
pub fn query_names() -> Vec<QueryName> {
    let mut names = Vec::new();
    for shape in [&LOG_MEMBERS, &RECORD, &LOG_KIND_MEMBERS] {
        collect_names(shape, "", &mut names);
    }
    names
}

/// Every object of the table, the top ones included, in the order in which they are first named.
pub fn shapes() -> Vec<&'static Shape> {
    let mut all = Vec::new();
    for shape in [&LOG_MEMBERS, &RECORD, &LOG_KIND_MEMBERS] {
        collect_shapes(shape, &mut all);
    }
    all
}

fn collect_shapes(shape: &'static Shape, all: &mut Vec<&'static Shape>) {
    if all.iter().any(|known| known.name == shape.name) {
        return;
    }
    all.push(shape);
    for field in shape.fields {
        if let Type::Object(inner) = element(field.ty).0 {
            collect_shapes(inner, all);
        }
    }
}

fn collect_names(shape: &'static Shape, before: &str, names: &mut Vec<QueryName>) {
    for field in shape.fields {
        let (ty, list) = element(field.ty);
        let path = format!("{before}{}{}", field.name, if list { "[]" } else { "" });
        if let Type::Object(inner) = ty {
            collect_names(inner, &format!("{path}."), names);
        }
        let Some(name) = field.query else { continue };
        match names.iter_mut().find(|known| known.name == name) {
            Some(known) if known.paths.contains(&path) => {}
            Some(known) => {
                known.paths.push(path);
                if known.values.is_empty() {
                    known.values = described(ty).1;
                }
            }
            None => {
                let (type_name, values) = described(ty);
                names.push(QueryName {
                    name,
                    paths: vec![path],
                    type_name,
                    values,
                    doc: field.doc,
                });
            }
        }
    }
}

/// The type of one element, and whether there is a list of them.
pub(crate) fn element(ty: Type) -> (Type, bool) {
    match ty {
        Type::List(inner) => (element(*inner).0, true),
        one => (one, false),
    }
}

/// A word for the type, and the names it holds.
fn described(ty: Type) -> (&'static str, &'static [&'static str]) {
    match ty {
        Type::Str => ("string", &[]),
        Type::Usual(names) | Type::Closed(names) => ("string", names),
        Type::Text => ("text", &[]),
        Type::Time => ("time", &[]),
        Type::Id => ("id", &[]),
        Type::Digest => ("digest", &[]),
        Type::Hex(_) => ("hex", &[]),
        Type::Integer(_) => ("integer", &[]),
        Type::Number(_) | Type::Share => ("number", &[]),
        Type::Bool => ("bool", &[]),
        Type::Any => ("any", &[]),
        Type::Open | Type::Object(_) => ("object", &[]),
        Type::List(inner) => described(*inner),
    }
}

/// A part of the schema whose members keep their order, which `serde_json`'s own objects do not.
enum Node {
    Value(Value),
    Object(Vec<(String, Node)>),
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(to),
            Self::Object(members) => {
                let mut map = to.serialize_map(Some(members.len()))?;
                for (name, node) in members {
                    map.serialize_entry(name, node)?;
                }
                map.end()
            }
        }
    }
}

/// The whole schema: the top object, and every object that is reached from it.
fn print(title: &str, properties: Vec<(String, Node)>, tops: &[&'static Shape], fields: &[&Field]) -> String {
    let mut all = Vec::new();
    tops.iter().for_each(|top| collect_shapes(top, &mut all));
    let inner = all
        .into_iter()
        .filter(|shape| tops.iter().all(|top| top.name != shape.name));
    let definitions = inner.map(|shape| {
        let properties = shape
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), Node::Object(property(field))));
        let fields: Vec<_> = shape.fields.iter().collect();
        let mut members = vec![("description".to_owned(), json!(shape.doc).into())];
        members.extend(object(properties.collect(), &fields));
        (shape.name.to_owned(), Node::Object(members))
    });
    let mut schema = vec![
        (
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema").into(),
        ),
        ("title".to_owned(), json!(title).into()),
        ("description".to_owned(), json!(RULES).into()),
    ];
    schema.extend(object(properties, fields));
    schema.push(("$defs".to_owned(), Node::Object(definitions.collect())));
    // Names and values of the table's own: nothing in them can fail to be written.
    serde_json::to_string_pretty(&Node::Object(schema)).unwrap_or_default()
}

/// What the schema's own words cannot say.
const RULES: &str = "Members that are not named here are allowed everywhere and kept as they are. A member that is \
    null counts as absent. Short text is at most 256 bytes of UTF-8. Times are of the years 1678 to 2261 in UTC. Keys \
    are unique within an object; objects and lists nest at most 64 deep.";

fn object(properties: Vec<(String, Node)>, fields: &[&Field]) -> Vec<(String, Node)> {
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let mut members = vec![("type".to_owned(), json!("object").into())];
    members.push(("properties".to_owned(), Node::Object(properties)));
    if !required.is_empty() {
        members.push(("required".to_owned(), json!(required).into()));
    }
    members.push(("additionalProperties".to_owned(), json!(true).into()));
    members
}

fn property(field: &Field) -> Vec<(String, Node)> {
    let mut members = vec![("description".to_owned(), json!(field.doc).into())];
    members.extend(
        typed(field.ty, !field.required)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into())),
    );
    members
}

/// The keywords for a type; `null` is let through where the member may be absent, and in lists.
fn typed(ty: Type, or_null: bool) -> Vec<(&'static str, Value)> {
    let kind = |name: &str| ("type", if or_null { json!([name, "null"]) } else { json!(name) });
    let pattern = |pattern: &str| vec![kind("string"), ("pattern", json!(pattern))];
    match ty {
        Type::Str => short(kind("string")),
        Type::Usual(names) => {
            let mut keywords = short(kind("string"));
            keywords.push(("examples", json!(names)));
            keywords
        }
        Type::Text => vec![kind("string")],
        Type::Time => vec![kind("string"), ("format", json!("date-time"))],
        Type::Id => vec![kind("string"), ("format", json!("uuid"))],
        Type::Digest => pattern("^[^:\\u0000-\\u001f\\u007f-\\u009f]+:([0-9A-Fa-f]{2})+$"),
        Type::Hex(digits) => pattern(&format!("^[0-9a-f]{{{digits}}}$")),
        Type::Integer(least) => vec![kind("integer"), ("minimum", json!(least))],
        Type::Number(least) => {
            let least = least.map(|least| ("minimum", json!(super::types::json::Plain(least))));
            [kind("number")].into_iter().chain(least).collect()
        }
        Type::Share => vec![kind("number"), ("minimum", json!(0)), ("maximum", json!(1))],
        Type::Bool => vec![kind("boolean")],
        Type::Any => vec![],
        Type::Open => vec![kind("object")],
        Type::Closed(names) => {
            let null = or_null.then_some(Value::Null);
            let names: Vec<_> = names.iter().map(|name| json!(name)).chain(null).collect();
            vec![kind("string"), ("enum", json!(names))]
        }
        Type::Object(shape) => {
            let target = json!(format!("#/$defs/{}", shape.name));
            if or_null {
                vec![("anyOf", json!([{ "$ref": target }, { "type": "null" }]))]
            } else {
                vec![("$ref", target)]
            }
        }
        Type::List(inner) => {
            let items: serde_json::Map<_, _> = typed(*inner, true)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            vec![kind("array"), ("items", Value::Object(items))]
        }
    }
}

/// The keywords for short text.
fn short(kind: (&'static str, Value)) -> Vec<(&'static str, Value)> {
    let no_controls = ("pattern", json!("^[^\\u0000-\\u001f\\u007f-\\u009f]*$"));
    vec![kind, ("minLength", json!(1)), ("maxLength", json!(256)), no_controls]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn names_are_unique_within_an_object_and_among_objects() {
        let mut objects = HashSet::new();
        for shape in shapes() {
            assert!(objects.insert(shape.name), "{}", shape.name);
            let mut names = HashSet::new();
            assert!(
                shape.fields.iter().all(|field| names.insert(field.name)),
                "{}",
                shape.name
            );
        }
    }

    #[test]
    fn the_schemas_mention_every_member_with_its_doc() {
        let (append, stored) = (parsed(&json_schema()), parsed(&stored_schema()));
        for shape in shapes() {
            for field in shape.fields {
                let top = [LOG_MEMBERS.name, RECORD.name, LOG_KIND_MEMBERS.name].contains(&shape.name);
                let place = if top {
                    "/properties".into()
                } else {
                    format!("/$defs/{}/properties", shape.name)
                };
                let doc = format!("{place}/{}/description", field.name);
                assert!(stored.pointer(&doc).is_some(), "{doc}");
                if top || append.pointer(&place).is_some() {
                    assert!(append.pointer(&doc).is_some(), "{doc}");
                }
            }
        }
        assert_eq!(stored["$defs"]["agent"], append["$defs"]["agent"]);
    }

    #[test]
    fn references_point_at_what_is_there() {
        for text in [json_schema(), stored_schema()] {
            let schema = parsed(&text);
            for after in text.split("\"#/$defs/").skip(1) {
                let name = after.split('"').next().unwrap();
                assert!(schema["$defs"][name].is_object(), "{name}");
            }
        }
    }

    #[test]
    fn the_schema_says_what_the_table_says() {
        let append = parsed(&json_schema());
        assert_eq!(append["required"], json!(["agent", "kind"]));
        assert_eq!(append["properties"]["seq"]["not"], json!({}));
        assert_eq!(
            append["properties"]["kind"]["not"],
            json!({"enum": ["system", "alert", "part"]})
        );
        assert_eq!(append["properties"]["time"]["type"], json!(["string", "null"]));
        assert_eq!(
            append["properties"]["tools"]["items"],
            json!({"anyOf": [{"$ref": "#/$defs/tool"}, {"type": "null"}]})
        );
        assert_eq!(append["$defs"]["source"]["required"], json!(["id", "boot", "number"]));
        assert_eq!(append["$defs"]["source"]["properties"]["number"]["minimum"], json!(1));
        assert_eq!(
            append["$defs"]["outcome"]["properties"]["status"]["enum"]
                .as_array()
                .unwrap()
                .len(),
            6
        );
        let stored = parsed(&stored_schema());
        assert_eq!(
            stored["required"],
            json!(["v", "seq", "id", "logged", "time", "agent", "kind"])
        );
        assert_eq!(stored["$defs"]["part"]["required"], json!(["of", "digest", "text"]));
    }

    #[test]
    fn names_in_queries_cover_all_their_places() {
        let names = query_names();
        let paths = |name: &str| names.iter().find(|known| known.name == name).unwrap().paths.clone();
        assert_eq!(
            paths("system"),
            ["context[].system", "tools[].system", "access[].system", "action.system"]
        );
        assert_eq!(paths("subject"), ["access[].subjects[]", "subjects[]"]);
        assert_eq!(paths("error"), ["tools[].error.type", "outcome.error.type"]);
        assert_eq!(paths("time"), ["time"]);
        for name in "agent version model kind correlation session parent trace source tool resource operation category \
            sensitivity purpose policy rule effect decision action outcome on_behalf_of class region logged duration \
            cost rows value"
            .split_whitespace()
        {
            assert!(!paths(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_name_in_queries_holds_one_type() {
        for (name, types) in query_names().iter().map(|known| (known.name, types_of(known.name))) {
            assert_eq!(types.len(), 1, "{name}: {types:?}");
        }
    }

    fn types_of(name: &str) -> HashSet<&'static str> {
        let fields = shapes().into_iter().flat_map(|shape| shape.fields);
        fields
            .filter(|field| field.query == Some(name))
            .map(|field| described(field.ty).0)
            .collect()
    }
}
