//! The macro that turns the table's text into code. An object is written once, as
//!
//! ```text
//! shapes! {
//!     /// What the object is for.
//!     Agent "agent" {
//!         /// What the member says.
//!         required id: Str, query "agent";
//!         /// What the other one says.
//!         repeated tools: Tool, each tool;
//!     }
//! }
//! ```
//!
//! and becomes the row the scanner checks by, a struct, its constructor (the required members in order), a setter for
//! each member, and the writing of it in the table's order, so that these cannot disagree. `rows!` makes the row
//! alone: for what only the log writes. After the type may follow, in this order: `query` with the name in queries,
//! `each` with the name of a setter that adds one element, `set` with the setter's name where the member's own is
//! taken. A trailing underscore (`type_`) is not part of the member's name. `Type "name" as make` names the
//! constructor `make` instead of `new`.

/// Objects that callers build: rows and structs.
macro_rules! shapes {
    ($(
        $(#[doc = $about:literal])*
        $type:ident $name:literal $(as $maker:ident)? {
            $(
                $(#[doc = $doc:literal])*
                $rule:ident $field:ident: $ty:ident
                $(, query $query:literal)? $(, each $each:ident)? $(, set $set:ident)?;
            )*
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $type {
            $(
                $(#[doc = $doc])*
                pub $field: held!($rule $ty),
            )*
        }

        row! { $type $name [$($about)*] $({ [$($doc)*] $rule $field $ty [$($query)?] })* }
        maker! { $type ($($maker)? new) [] [] $($rule $field $ty;)* }

        impl $type {
            $( setter! { [$($doc)*] ($($set)? $field) $rule $field $ty $($each)? } )*
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut map = to.serialize_map(None)?;
                $( put! { map $rule $ty ($crate::record::table::member_name(stringify!($field))) (&self.$field) } )*
                map.end()
            }
        }
    )*};
}

/// Objects that only the log writes: rows, with an empty type as the name by which other rows mean them.
macro_rules! rows {
    ($(
        $(#[doc = $about:literal])*
        $type:ident $name:literal {
            $(
                $(#[doc = $doc:literal])*
                $rule:ident $field:ident: $ty:ident $(, query $query:literal)?;
            )*
        }
    )*) => {$(
        $(#[doc = $about])*
        pub(crate) enum $type {}
        row! { $type $name [$($about)*] $({ [$($doc)*] $rule $field $ty [$($query)?] })* }
    )*};
}

/// The row itself.
macro_rules! row {
    ($type:ident $name:literal [$($about:literal)*]
        $({ [$($doc:literal)*] $rule:ident $field:ident $ty:ident [$($query:literal)?] })*) => {
        impl $type {
            /// The object's row in the table.
            pub(crate) const SHAPE: $crate::record::shape::Shape = $crate::record::shape::Shape::new(
                $name,
                concat!($($about),*).trim_ascii(),
                &[$(
                    $crate::record::shape::Field {
                        name: $crate::record::table::member_name(stringify!($field)),
                        ty: checked!($rule $ty),
                        required: is_required!($rule),
                        doc: concat!($($doc),*).trim_ascii(),
                        query: query_name!($($query)?),
                    },
                )*],
            );
            /// The type of a member that holds this object.
            #[allow(dead_code, reason = "the top objects are no one's member")]
            pub(crate) const TYPE: $crate::record::shape::Type = $crate::record::shape::Type::Object(&Self::SHAPE);
        }
    };
}

/// The table's word for a type, as the scanner's.
macro_rules! checked {
    (repeated $ty:ident) => { $crate::record::shape::Type::List(&checked!(one $ty)) };
    ($rule:ident Str) => { $crate::record::shape::Type::Str };
    ($rule:ident Text) => { $crate::record::shape::Type::Text };
    ($rule:ident Time) => { $crate::record::shape::Type::Time };
    ($rule:ident Id) => { $crate::record::shape::Type::Id };
    ($rule:ident Digest) => { $crate::record::shape::Type::Digest };
    ($rule:ident Hex16) => { $crate::record::shape::Type::Hex(16) };
    ($rule:ident Hex32) => { $crate::record::shape::Type::Hex(32) };
    ($rule:ident Integer) => { $crate::record::shape::Type::Integer(0) };
    ($rule:ident Positive) => { $crate::record::shape::Type::Integer(1) };
    ($rule:ident Number) => { $crate::record::shape::Type::Number(None) };
    ($rule:ident Amount) => { $crate::record::shape::Type::Number(Some(0.0)) };
    ($rule:ident Share) => { $crate::record::shape::Type::Share };
    ($rule:ident Bool) => { $crate::record::shape::Type::Bool };
    ($rule:ident Any) => { $crate::record::shape::Type::Any };
    ($rule:ident Open) => { $crate::record::shape::Type::Open };
    ($rule:ident $named:ident) => { $named::TYPE };
}

/// The table's word for a type, as Rust's.
macro_rules! rust {
    (Str) => {
        String
    };
    (Text) => {
        String
    };
    (Time) => {
        String
    };
    (Id) => {
        String
    };
    (Digest) => {
        String
    };
    (Hex16) => {
        String
    };
    (Hex32) => {
        String
    };
    (Integer) => {
        u64
    };
    (Positive) => {
        u64
    };
    (Number) => {
        f64
    };
    (Amount) => {
        f64
    };
    (Share) => {
        f64
    };
    (Bool) => {
        bool
    };
    (Any) => {
        $crate::record::types::Json
    };
    (Open) => {
        $crate::record::types::Members
    };
    ($named:ident) => {
        $named
    };
}

/// The type of a struct's field.
macro_rules! held {
    (required $ty:ident) => { rust!($ty) };
    (optional $ty:ident) => { Option<rust!($ty)> };
    (repeated $ty:ident) => { Vec<rust!($ty)> };
}

/// What a setter takes: anything that becomes the type; whole numbers as they are, for the sake of literals.
macro_rules! given {
    (Integer) => { u64 };
    (Positive) => { u64 };
    (Bool) => { bool };
    ($ty:ident) => { impl Into<rust!($ty)> };
}

macro_rules! is_required {
    (required) => {
        true
    };
    ($rule:ident) => {
        false
    };
}

macro_rules! query_name {
    () => {
        None
    };
    ($name:literal) => {
        Some($name)
    };
}

/// The constructor: walks the members and keeps the required ones as its arguments.
macro_rules! maker {
    ($type:ident $new:tt [$($args:tt)*] [$($inits:tt)*] required $field:ident $ty:ident; $($rest:tt)*) => {
        maker! { $type $new [$($args)* $field $ty,] [$($inits)* $field ($field.into()),] $($rest)* }
    };
    ($type:ident $new:tt $args:tt [$($inits:tt)*] $rule:ident $field:ident $ty:ident; $($rest:tt)*) => {
        maker! { $type $new $args [$($inits)* $field (Default::default()),] $($rest)* }
    };
    ($type:ident ($new:ident $($_new:ident)?) [] [$($field:ident $init:tt,)*]) => {
        impl $type {
            /// With nothing set.
            pub fn $new() -> Self {
                Self { $($field: $init,)* }
            }
        }
        impl Default for $type {
            fn default() -> Self {
                Self::$new()
            }
        }
    };
    ($type:ident ($new:ident $($_new:ident)?) [$($arg:ident $ty:ident,)+] [$($field:ident $init:tt,)*]) => {
        impl $type {
            /// With the members it cannot do without; the other ones are set by the methods that follow.
            #[allow(unused_parens, clippy::useless_conversion, reason = "one form for all types")]
            pub fn $new($($arg: given!($ty)),+) -> Self {
                Self { $($field: $init,)* }
            }
        }
    };
}

/// The methods that set one member.
macro_rules! setter {
    ([$($doc:literal)*] ($set:ident $($_set:ident)?) required $field:ident $ty:ident) => {
        $(#[doc = $doc])*
        #[must_use]
        #[allow(clippy::useless_conversion, reason = "one form for all types")]
        pub fn $set(mut self, $field: given!($ty)) -> Self {
            self.$field = $field.into();
            self
        }
    };
    ([$($doc:literal)*] ($set:ident $($_set:ident)?) optional $field:ident $ty:ident) => {
        $(#[doc = $doc])*
        #[must_use]
        #[allow(clippy::useless_conversion, reason = "one form for all types")]
        pub fn $set(mut self, $field: given!($ty)) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    ([$($doc:literal)*] ($set:ident $($_set:ident)?) repeated $field:ident $ty:ident $($each:ident)?) => {
        $(#[doc = $doc])*
        ///
        /// Takes the place of the whole list.
        #[must_use]
        pub fn $set(mut self, $field: impl IntoIterator<Item = impl Into<rust!($ty)>>) -> Self {
            self.$field = $field.into_iter().map(Into::into).collect();
            self
        }
        $(
            #[doc = concat!("Adds one to `", stringify!($field), "`.")]
            #[must_use]
            pub fn $each(mut self, $each: impl Into<rust!($ty)>) -> Self {
                self.$field.push($each.into());
                self
            }
        )?
    };
}

/// Writes one member; what is not there is left out.
macro_rules! put {
    ($map:ident required $ty:ident $name:tt $value:tt) => {
        $map.serialize_entry($name, written!($ty $value))?;
    };
    ($map:ident optional $ty:ident $name:tt $value:tt) => {
        if let Some(value) = $value {
            $map.serialize_entry($name, written!($ty value))?;
        }
    };
    ($map:ident repeated $ty:ident $name:tt $value:tt) => {
        if !$value.is_empty() {
            $map.serialize_entry($name, $value)?;
        }
    };
}

/// Floats are written without `.0` where they are whole.
macro_rules! written {
    (Number $value:tt) => {
        &$crate::record::types::json::Plain(*$value)
    };
    (Amount $value:tt) => {
        &$crate::record::types::json::Plain(*$value)
    };
    (Share $value:tt) => {
        &$crate::record::types::json::Plain(*$value)
    };
    ($ty:ident $value:tt) => {
        $value
    };
}
