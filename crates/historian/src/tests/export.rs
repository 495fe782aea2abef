//! Samples as files: read back as others would read them, and made no faster than they are taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt;
use model::{Quality, Sample, SampleFlags};
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use store::Store;
use tonic::Request;
use wire::v1;
use wire::v1::history_service_server::HistoryService;

use super::faulty::Faulty;
use super::{E01, Plant, assert_field, at, sample};
use crate::api::Api;

fn request(format: v1::ExportFormat) -> v1::ExportSamplesRequest {
    v1::ExportSamplesRequest { points: Vec::new(), from: at(0), to: at(1_000_000_000_000), format: format.into() }
}

async fn file(api: &Api, request: v1::ExportSamplesRequest) -> Bytes {
    let mut chunks = api.export_samples(Request::new(request)).await.unwrap().into_inner();
    let mut file = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.unwrap();
        assert!(!chunk.data.is_empty() && chunk.data.len() <= 1_024 * 1_024);
        assert!(chunk.complete_to.is_some());
        file.extend(chunk.data);
    }
    file.into()
}

async fn plant_with(samples: Vec<Sample>) -> Plant {
    let plant = Plant::new().await;
    plant.revise(&[(1, "e01-PI-101"), (2, "e01-LI-102")]).await;
    for samples in samples.chunks(10_000) {
        plant.samples(E01, samples.to_vec()).await;
    }
    plant.store_all().await;
    plant
}

/// Everything that a row can say.
fn varied() -> Vec<Sample> {
    let flags = SampleFlags { historical: true, out_of_range: true, ..SampleFlags::default() };
    vec![
        Sample { flags, ..sample(1, 1_000_001, 0.1) },
        Sample { quality: Quality::Uncertain, ..sample(2, 1_000_001, -2.5e20) },
        Sample { value: None, quality: Quality::Bad, ..sample(1, 2_000_000, 0.0) },
        Sample { quality: Quality::Calibrating, ..sample(3, 999_999_999_999, 4.0) },
        // Not of the period.
        sample(1, 1_000_000_000_000, 5.0),
    ]
}

#[tokio::test]
async fn a_parquet_file_reads_back() {
    let plant = plant_with(varied()).await;
    let file = file(&plant.api(Arc::clone(&plant.store)), request(v1::ExportFormat::Parquet)).await;
    let reader = SerializedFileReader::new(file).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<_> = schema.columns().iter().map(|it| format!("{} {:?}", it.name(), it.logical_type_ref())).collect();
    assert!(columns[1].starts_with("time ") && columns[1].contains("is_adjusted_to_u_t_c: true"), "{columns:?}");
    assert!(columns[1].contains("MICROS") && columns[0].contains("String"), "{columns:?}");
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |column| row.get_string(column).unwrap().clone();
            (text(0), row.get_timestamp_micros(1).unwrap(), row.get_double(2).ok(), text(3), text(4))
        })
        .collect();
    let wanted = [
        ("e01-PI-101", 1_000_001, Some(0.1), "good", "historical out_of_range"),
        ("e01-LI-102", 1_000_001, Some(-2.5e20), "uncertain", ""),
        ("e01-PI-101", 2_000_000, None, "bad", ""),
        ("#3", 999_999_999_999, Some(4.0), "calibrating", ""),
    ];
    let wanted =
        wanted.map(|(point, time, value, quality, flags)| (point.to_owned(), time, value, quality.to_owned(), flags.to_owned()));
    assert_eq!(shown, wanted);
    let recorded: Vec<_> = plant.every_sample().await.iter().map(|it| it.row.recorded_at.micros()).collect();
    let read: Vec<_> = rows.iter().map(|row| row.get_timestamp_micros(5).unwrap()).collect();
    assert_eq!(read, recorded[..4]);
}

#[tokio::test]
async fn csv_is_what_a_shell_prints() {
    let plant = plant_with(varied()).await;
    let api = plant.api(Arc::clone(&plant.store));
    let file = file(&api, request(v1::ExportFormat::Csv)).await;
    let wanted = "ts,point,value,quality\n\
        1970-01-01T00:00:01.000001Z,e01-PI-101,0.1,good\n\
        1970-01-01T00:00:01.000001Z,e01-LI-102,-250000000000000000000,uncertain\n\
        1970-01-01T00:00:02.000000Z,e01-PI-101,,bad\n\
        1970-01-12T13:46:39.999999Z,#3,4,calibrating\n";
    assert_eq!(std::str::from_utf8(&file).unwrap(), wanted);
}

#[tokio::test]
async fn nothing_is_a_file_too() {
    let plant = Plant::new().await;
    plant.samples(E01, vec![sample(1, -1, 1.0)]).await;
    plant.store_all().await;
    let api = plant.api(Arc::clone(&plant.store));
    let empty = file(&api, request(v1::ExportFormat::Parquet)).await;
    assert_eq!(SerializedFileReader::new(empty).unwrap().metadata().file_metadata().num_rows(), 0);
    assert_eq!(&file(&api, request(v1::ExportFormat::Csv)).await[..], b"ts,point,value,quality\n");
}

#[tokio::test]
async fn a_caller_that_stops_taking_stops_the_reading() {
    let samples: Vec<_> = (0..300_000).map(|n| sample(n % 2 + 1, i64::from(n / 2) * 1_000, f64::from(n).sin())).collect();
    let plant = plant_with(samples).await;
    let faulty = Faulty::new(Arc::clone(&plant.store), []);
    let api = plant.api(Arc::clone(&faulty) as Arc<dyn Store>);
    let reads = || faulty.sample_reads.load(Ordering::Relaxed);

    let mut chunks = api.export_samples(Request::new(request(v1::ExportFormat::Csv))).await.unwrap().into_inner();
    assert_eq!(reads(), 0);
    chunks.next().await.unwrap().unwrap();
    assert_eq!(reads(), 1, "a page is more than a chunk");
    while reads() == 1 {
        chunks.next().await.unwrap().unwrap();
    }
    drop(chunks);
    assert_eq!(reads(), 2, "the next page when the first has gone");

    let mut chunks = api.export_samples(Request::new(request(v1::ExportFormat::Parquet))).await.unwrap().into_inner();
    chunks.next().await.unwrap().unwrap();
    assert_eq!(reads(), 2 + 2, "one group of rows");
    drop(chunks);

    let file = file(&api, request(v1::ExportFormat::Parquet)).await;
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let groups: Vec<_> = reader.metadata().row_groups().iter().map(parquet::file::metadata::RowGroupMetaData::num_rows).collect();
    assert_eq!(groups, [131_072, 131_072, 37_856]);
    assert_eq!(reader.metadata().row_group(0).column(2).compression(), Compression::SNAPPY);
    let first = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(first.get_double(2).ok(), Some(0.0));
}

#[tokio::test]
async fn bad_requests_name_the_field() {
    let plant = Plant::new().await;
    let api = plant.api(Arc::clone(&plant.store));
    let good = request(v1::ExportFormat::Csv);
    let wrong = [
        (v1::ExportSamplesRequest { format: 0, ..good.clone() }, "format"),
        (v1::ExportSamplesRequest { format: 3, ..good.clone() }, "format"),
        (v1::ExportSamplesRequest { from: None, ..good.clone() }, "from"),
        (v1::ExportSamplesRequest { to: None, ..good.clone() }, "to"),
        (v1::ExportSamplesRequest { to: at(0), ..good.clone() }, "to"),
        (v1::ExportSamplesRequest { points: vec!["a b".to_owned()], ..good.clone() }, "points"),
    ];
    for (request, field) in wrong {
        let shown = format!("{request:?}");
        let status = api.export_samples(Request::new(request)).await.err().unwrap();
        assert_field(&status, field, &shown);
    }
}
