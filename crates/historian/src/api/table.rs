//! Samples as a Parquet file that grows in memory a group of rows at a time, and is taken from there.
//!
//! Format: see `EXPORT_FORMAT_PARQUET` in history.proto. Points, qualities and flags are few and go through dictionaries; times hardly
//! differ from row to row and go as differences. No page index: rows are sorted by time and groups are small, so the figures of each
//! group say where to read.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{PointNumber, SampleFlags};
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use store::{SampleRow, StoredSample};

use crate::api::samples::unnamed;

/// Rows of a group: what an export holds in memory at a time, about 6 MiB and one column of it encoded.
pub(super) const GROUP_ROWS: usize = 131_072;

const SCHEMA: &str = "message samples {
    REQUIRED BYTE_ARRAY point (STRING);
    REQUIRED INT64 time (TIMESTAMP(MICROS, true));
    OPTIONAL DOUBLE value;
    REQUIRED BYTE_ARRAY quality (STRING);
    REQUIRED BYTE_ARRAY flags (STRING);
    REQUIRED INT64 recorded_at (TIMESTAMP(MICROS, true));
}";

/// A file in the making.
pub(super) struct Table {
    writer: SerializedFileWriter<Vec<u8>>,
    /// Names of points, shared by all their rows.
    names: BTreeMap<PointNumber, ByteArray>,
    /// The rows of the next group.
    rows: Vec<SampleRow>,
}

impl Table {
    /// A file without rows.
    pub(super) fn new() -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties()))?;
        Ok(Self { writer, names: BTreeMap::new(), rows: Vec::new() })
    }

    /// How many rows the next group has so far.
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Adds rows to the next group.
    pub(super) fn add(&mut self, rows: Vec<StoredSample>) {
        for StoredSample { id, row } in rows {
            let name = || {
                id.map_or_else(|| ByteArray::from(unnamed(row.point).into_bytes()), |id| ByteArray::from(id.as_bytes().to_vec()))
            };
            self.names.entry(row.point).or_insert_with(name);
            self.rows.push(row);
        }
    }

    /// Writes the group; of the last one also what ends the file.
    pub(super) fn write(&mut self, last: bool) -> Result<Vec<u8>, ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            let mut group = self.writer.next_row_group()?;
            columns(&mut group, &rows, &self.names)?;
            group.close()?;
        }
        if last {
            self.writer.finish()?;
        }
        self.writer.flush()?;
        // The writer counts what went through it and never looks at it again.
        Ok(std::mem::take(self.writer.inner_mut()))
    }
}

fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_created_by("davy".to_owned());
    for time in ["time", "recorded_at"] {
        let column = ColumnPath::from(time);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

/// In the order of the schema.
fn columns(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    rows: &[SampleRow],
    names: &BTreeMap<PointNumber, ByteArray>,
) -> Result<(), ParquetError> {
    let name = |row: &SampleRow| names.get(&row.point).cloned().expect("every row's point was named as it came");
    column::<ByteArrayType>(group, rows.iter().map(name).collect(), None)?;
    column::<Int64Type>(group, rows.iter().map(|row| row.time.micros()).collect(), None)?;
    let present: Vec<i16> = rows.iter().map(|row| i16::from(row.value.is_some())).collect();
    column::<DoubleType>(group, rows.iter().filter_map(|row| row.value).collect(), Some(&present))?;
    let word = |word: &'static str| ByteArray::from(bytes::Bytes::from_static(word.as_bytes()));
    column::<ByteArrayType>(group, rows.iter().map(|row| word(row.quality.as_str())).collect(), None)?;
    column::<ByteArrayType>(group, rows.iter().map(|row| flags(row.flags)).collect(), None)?;
    column::<Int64Type>(group, rows.iter().map(|row| row.recorded_at.micros()).collect(), None)
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: Vec<T::T>,
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("the schema has as many columns as are written");
    column.typed::<T>().write_batch(&values, present, None)?;
    column.close()
}

fn flags(flags: SampleFlags) -> ByteArray {
    let SampleFlags { historical, arrival_time, out_of_range, retained, transient: _ } = flags;
    let words =
        [(historical, "historical"), (arrival_time, "arrival_time"), (out_of_range, "out_of_range"), (retained, "retained")];
    let said: Vec<_> = words.into_iter().filter_map(|(set, word)| set.then_some(word)).collect();
    ByteArray::from(said.join(" ").into_bytes())
}
