//! The three declarations: [`block!`] for a kind, [`slot!`] for a place
//! with kinds, [`choice!`] for words.

/// Declares a kind of a slot as a struct.
///
/// ```ignore
/// block! {
///     /// Strided convolution.
///     pub struct Conv = "conv" {
///         /// rows x columns
///         kernel: Size = "3x3",
///     }
/// }
/// ```
/// A field without a default must be said. Every field is [`Spanned`](crate::diag::Spanned): the
/// place that said it, or that named the kind.
macro_rules! block {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident = $word:literal {
            $( $(#[doc = $field_doc:literal])* $field:ident : $ty:ty $(= $default:literal)?, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $crate::diag::Spanned<$ty>, )*
        }

        impl $name {
            /// What can be said in it.
            pub const KIND: &'static $crate::schema::Kind = &$crate::schema::Kind {
                name: $word,
                doc: concat!($($doc, "\n",)*),
                fields: &[$(
                    $crate::schema::Field {
                        name: stringify!($field),
                        doc: concat!($($field_doc,)*).trim_ascii(),
                        ty: <$ty as $crate::schema::Setting>::TY,
                        default: $crate::schema::block!(@default $($default)?),
                    },
                )*],
            };

            /// From what was said; `None` if something is missing, which is then reported.
            #[allow(unused_variables)]
            pub fn read_tree(
                tree: &$crate::schema::Tree,
                reader: &mut $crate::schema::Reader<'_>,
            ) -> Option<$name> {
                // All are read before any is required, so that everything missing is reported.
                $( let $field = reader.setting::<$ty>(tree, stringify!($field)); )*
                Some($name { $( $field: $field?, )* })
            }
        }

        /// As a group of settings, without naming a kind.
        impl $crate::schema::Setting for $name {
            const TY: $crate::schema::Ty = $crate::schema::Ty::Group($name::KIND);
            fn read(
                value: &$crate::schema::Value,
                reader: &mut $crate::schema::Reader<'_>,
            ) -> Option<Self> {
                match value {
                    $crate::schema::Value::Tree(tree) => $name::read_tree(tree, reader),
                    _ => None,
                }
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

/// Declares a slot: an enum over the structs of its kinds.
macro_rules! slot {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident = $word:literal { $( $kind:ident($path:path), )* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $( $kind($path), )* }

        impl $name {
            pub const SLOT: &'static $crate::schema::Slot = &$crate::schema::Slot {
                name: $word,
                doc: concat!($($doc, "\n",)*).trim_ascii(),
                kinds: &[ $( <$path>::KIND, )* ],
            };
        }

        impl $crate::schema::Setting for $name {
            const TY: $crate::schema::Ty = $crate::schema::Ty::Slot($name::SLOT);
            fn read(
                value: &$crate::schema::Value,
                reader: &mut $crate::schema::Reader<'_>,
            ) -> Option<Self> {
                let $crate::schema::Value::Tree(tree) = value else { return None };
                $(
                    if std::ptr::eq(tree.kind, <$path>::KIND) || tree.kind.name == <$path>::KIND.name {
                        return <$path>::read_tree(tree, reader).map($name::$kind);
                    }
                )*
                None
            }
        }
    };
}

/// Declares words as an enum.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident { $( $(#[doc = $word_doc:literal])* $variant:ident = $word:literal, )* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $(#[doc = $word_doc])* $variant, )* }

        impl $crate::schema::Setting for $name {
            const TY: $crate::schema::Ty = $crate::schema::Ty::Words(&[$(
                $crate::schema::Word { name: $word, doc: concat!($($word_doc,)*).trim_ascii() },
            )*]);
            fn read(
                value: &$crate::schema::Value,
                _: &mut $crate::schema::Reader<'_>,
            ) -> Option<Self> {
                match value {
                    $( $crate::schema::Value::Word($word) => Some($name::$variant), )*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use {block, choice, slot};
