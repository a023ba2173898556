//! The first page of a working day, and what waits for a decision.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::Problem;
use purser_kit::console::{Tone, WidgetValue};

use super::health::{HealthAlert, wrong};
use super::inbox::{InboxCount, waiting};
use super::view::grouped;
use super::{ConsoleState, ErrorPage, StaffUser, frame};
use crate::pages::{self, Shell};

/// A chart's size, in its own units.
const CHART: (i64, i64) = (600, 160);

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    shell: Shell,
    shelves: Vec<(&'static str, Vec<WidgetView>)>,
    waiting: Vec<InboxCount>,
    wrong: Vec<HealthAlert>,
}

struct WidgetView {
    title: &'static str,
    value: Option<(String, String)>,
    verdict: Option<(&'static str, String)>,
    chart: Option<Chart>,
}

struct Chart {
    width: i64,
    height: i64,
    columns: Vec<ChartBar>,
    first: String,
    last: String,
    highest: String,
}

/// A column: where it stands, how high it is, and what it says.
struct ChartBar {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    told: String,
}

pub(super) async fn page(State(console): State<Arc<ConsoleState>>, staff: StaffUser) -> Result<Response, ErrorPage> {
    let drawn = figures(&console, &staff).await?;
    let waiting = waiting(&console, &staff).await?;
    let wrong = wrong(&console, &staff).await;
    let shelves = drawn
        .into_iter()
        .map(|(title, widgets)| (title, widgets.into_iter().map(|(title, value)| widget_view(title, value)).collect()));
    let page = HomePage { shell: frame::shell(&console, &staff, "Today"), shelves: shelves.collect(), waiting, wrong };
    Ok(pages::page(StatusCode::OK, &page))
}

type WidgetValues = Vec<(&'static str, Vec<(&'static str, WidgetValue)>)>;

async fn figures(console: &Arc<ConsoleState>, staff: &StaffUser) -> Result<WidgetValues, Problem> {
    let (reading, principal, now) = (Arc::clone(console), staff.principal.clone(), staff.now);
    console
        .site
        .context
        .store
        .read(move |tx| {
            let zone = &reading.site.context.zone;
            let mut drawn = Vec::new();
            for section in &reading.apps {
                let mut widgets = Vec::new();
                for widget in section.console.widgets.iter().filter(|widget| principal.has(widget.view)) {
                    widgets.push((widget.title, (widget.render)(tx, now, zone)?));
                }
                if !widgets.is_empty() {
                    drawn.push((section.title, widgets));
                }
            }
            Ok::<_, Problem>(drawn)
        })
        .await
}

fn widget_view(title: &'static str, value: WidgetValue) -> WidgetView {
    let empty = WidgetView { title, value: None, verdict: None, chart: None };
    match value {
        WidgetValue::Amount(amount, note) => WidgetView { value: Some((amount.for_people(), note)), ..empty },
        WidgetValue::Count(count, note) => WidgetView { value: Some((grouped(&count.to_string()), note)), ..empty },
        WidgetValue::Text(words, note) => WidgetView { value: Some((words, note)), ..empty },
        WidgetValue::Status(tone, text) => WidgetView { verdict: Some((tone.class(), text)), ..empty },
        WidgetValue::Chart(columns) if columns.is_empty() => {
            WidgetView { verdict: Some((Tone::Quiet.class(), "Nothing yet.".to_owned())), ..empty }
        }
        WidgetValue::Chart(columns) => WidgetView { chart: Some(chart(columns)), ..empty },
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
        ChartBar {
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
