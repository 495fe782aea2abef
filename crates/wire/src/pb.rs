//! The generated code, as checked in under `gen/`; `tests/bootstrap.rs` keeps it equal to `proto/`.

#[expect(
    missing_docs,
    unreachable_pub,
    clippy::large_enum_variant,
    clippy::doc_markdown,
    clippy::default_trait_access,
    clippy::too_many_lines,
    reason = "generated"
)]
mod davy {
    pub mod v1 {
        include!("gen/davy.v1.rs");
    }
    pub mod record {
        pub mod v1 {
            include!("gen/davy.record.v1.rs");
        }
    }
}

/// Records of journals, `davy.record.v1`.
pub use davy::record::v1 as record;
/// The public contract, `davy.v1`.
pub use davy::v1;

/// The contract as an encoded descriptor set with comments, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptors.bin");
