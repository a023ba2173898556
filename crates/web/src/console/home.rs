//! The first page of a working day, and what waits for a decision.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::Problem;
use purser_kit::console::{Drawing, Tone};

use super::health::{Wrong, wrong};
use super::inbox::{Waiting, waiting};
use super::show::grouped;
use super::{Desk, Refusal, Visitor, frame};
use crate::pages::{self, Shell};

/// A chart's size, in its own units.
const CHART: (i64, i64) = (600, 160);

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    shell: Shell,
    shelves: Vec<(&'static str, Vec<FigureShown>)>,
    waiting: Vec<Waiting>,
    wrong: Vec<Wrong>,
}

struct FigureShown {
    title: &'static str,
    value: Option<(String, String)>,
    verdict: Option<(&'static str, String)>,
    chart: Option<Chart>,
}

struct Chart {
    width: i64,
    height: i64,
    columns: Vec<Bar>,
    first: String,
    last: String,
    highest: String,
}

/// A column: where it stands, how high it is, and what it says.
struct Bar {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    told: String,
}

pub(super) async fn page(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Result<Response, Refusal> {
    let drawn = figures(&desk, &visitor).await?;
    let waiting = waiting(&desk, &visitor).await?;
    let wrong = wrong(&desk, &visitor).await;
    let shelves = drawn.into_iter().map(|(title, figures)| {
        (title, figures.into_iter().map(|(title, drawing)| figure_shown(title, drawing)).collect())
    });
    let page = HomePage { shell: frame::shell(&desk, &visitor, "Today"), shelves: shelves.collect(), waiting, wrong };
    Ok(pages::page(StatusCode::OK, &page))
}

type Drawn = Vec<(&'static str, Vec<(&'static str, Drawing)>)>;

async fn figures(desk: &Arc<Desk>, visitor: &Visitor) -> Result<Drawn, Problem> {
    let (reading, caller, now) = (Arc::clone(desk), visitor.caller.clone(), visitor.now);
    desk.house
        .context
        .store
        .read(move |tx| {
            let zone = &reading.house.context.zone;
            let mut drawn = Vec::new();
            for shelf in &reading.apps {
                let mut figures = Vec::new();
                for figure in shelf.console.figures.iter().filter(|figure| caller.has(figure.view)) {
                    figures.push((figure.title, (figure.draw)(tx, now, zone)?));
                }
                if !figures.is_empty() {
                    drawn.push((shelf.title, figures));
                }
            }
            Ok::<_, Problem>(drawn)
        })
        .await
}

fn figure_shown(title: &'static str, drawing: Drawing) -> FigureShown {
    let empty = FigureShown { title, value: None, verdict: None, chart: None };
    match drawing {
        Drawing::Amount(amount, note) => FigureShown { value: Some((amount.for_people(), note)), ..empty },
        Drawing::Count(count, note) => FigureShown { value: Some((grouped(&count.to_string()), note)), ..empty },
        Drawing::Words(words, note) => FigureShown { value: Some((words, note)), ..empty },
        Drawing::Verdict(tone, text) => FigureShown { verdict: Some((tone.class(), text)), ..empty },
        Drawing::Columns(columns) if columns.is_empty() => {
            FigureShown { verdict: Some((Tone::Quiet.class(), "Nothing yet.".to_owned())), ..empty }
        }
        Drawing::Columns(columns) => FigureShown { chart: Some(chart(columns)), ..empty },
    }
}

/// Columns from the ground up; the highest fills the chart.
fn chart(columns: Vec<(String, i64, String)>) -> Chart {
    let (width, height) = CHART;
    let count = i64::try_from(columns.len()).unwrap_or(1).max(1);
    let highest = columns.iter().map(|(_, value, _)| *value).max().unwrap_or(0).max(1);
    let told_highest = columns.iter().find(|(_, value, _)| *value == highest).map(|(.., told)| told.clone());
    let label = |column: Option<&(String, i64, String)>| column.map(|(label, ..)| label.clone()).unwrap_or_default();
    let (first, last) = (label(columns.first()), label(columns.last()));
    let step = width / count;
    let bars = columns.into_iter().zip(0..).map(|((label, value, told), index)| {
        // 128 bits, because an amount in minor units may fill 64.
        let tall = i128::from(value.max(0)) * i128::from(height) / i128::from(highest);
        let tall = i64::try_from(tall).unwrap_or(height);
        Bar {
            x: index * step,
            y: height - tall,
            width: (step - 2).max(1),
            height: tall,
            told: format!("{label}: {told}"),
        }
    });
    let columns = bars.collect();
    Chart { width, height, columns, first, last, highest: told_highest.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_column_fills_the_chart_and_the_others_their_share() {
        let column = |value: i64| (value.to_string(), value, value.to_string());
        let chart = chart(vec![column(0), column(50), column(100), column(i64::MAX / 2)]);
        let heights: Vec<i64> = chart.columns.iter().map(|bar| bar.height).collect();
        assert_eq!((heights[0], heights[3]), (0, CHART.1));
        assert!(chart.columns.iter().all(|bar| bar.y + bar.height == CHART.1 && bar.x + bar.width <= CHART.0));
    }
}
