//! The API's description of a command, made from its form.

use utoipa::PartialSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Content, Paths, RefOr, Required, ResponseBuilder};

use super::spec::CommandSpec;
use crate::console::{Field, Input, Target};
use crate::json::Decimal;

/// The body of a request that fills these fields in; none where there are no fields.
pub(crate) fn body_of(fields: &[Field]) -> Option<RequestBody> {
    if fields.is_empty() {
        return None;
    }
    let required = fields.iter().any(|field| field.required);
    let content = Content::new(Some(Schema::Object(object_of(fields).build())));
    let body = RequestBodyBuilder::new().content("application/json", content);
    Some(body.required(Some(if required { Required::True } else { Required::False })).build())
}

fn object_of(fields: &[Field]) -> ObjectBuilder {
    fields.iter().fold(ObjectBuilder::new().schema_type(Type::Object), |object, field| {
        let object = object.property(field.name, schema_of(field));
        if field.required { object.required(field.name) } else { object }
    })
}

fn schema_of(field: &Field) -> RefOr<Schema> {
    let described = Some(format!("{}. {}", field.title, field.help).trim_end().to_owned());
    let text = |format| ObjectBuilder::new().schema_type(Type::String).format(format).description(described.clone());
    match &field.input {
        Input::Amount => match Decimal::schema() {
            RefOr::T(Schema::Object(mut amount)) => {
                amount.description = described;
                RefOr::T(Schema::Object(amount))
            }
            other => other,
        },
        Input::Number => ObjectBuilder::new().schema_type(Type::Integer).description(described).into(),
        Input::Date => text(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).into(),
        Input::Choice(choices) if !choices.is_empty() => {
            text(None).enum_values(Some(choices.iter().map(|(value, _)| value.clone()))).into()
        }
        Input::Checkboxes(_) if field.after.is_some() => {
            ObjectBuilder::new().schema_type(Type::Boolean).description(described).into()
        }
        Input::Line | Input::Email | Input::Area | Input::Choice(_) | Input::Checkboxes(_) => text(None).into(),
    }
}

/// The operation of a route that is made from a command; `one` says whether its path names one object.
pub(crate) fn operation(spec: &CommandSpec, app: &str, path: &str, one: bool, fields: &[Field]) -> Paths {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(
            spec.name.replace(['.', '-'], "_") + if one || spec.target == Target::Nothing { "" } else { "_many" },
        ))
        .tag(format!("{app}: commands"))
        .summary(Some(summary(spec, one)))
        .description((!spec.about.is_empty()).then_some(spec.about))
        .parameter(
            ParameterBuilder::new()
                .name("dry_run")
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some("true answers what would happen, and changes nothing."))
                .schema(Some(ObjectBuilder::new().schema_type(Type::Boolean))),
        )
        .response(
            "200",
            ResponseBuilder::new()
                .description("What was done; with dry_run, what would be done.")
                .content("application/json", Content::new(Some(outcome_schema()))),
        );
    if one {
        let id = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
        operation = operation.parameter(id.schema(Some(id_schema())));
    }
    let body = if one || spec.target == Target::Nothing {
        body_of(fields)
    } else {
        let ids = ArrayBuilder::new().items(id_schema()).max_items(Some(MOST_IDS));
        let object = object_of(fields).property("ids", ids).required("ids");
        let content = Content::new(Some(Schema::Object(object.build())));
        Some(RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build())
    };
    let item = PathItem::new(HttpMethod::Post, operation.request_body(body));
    let mut paths = Paths::new();
    paths.paths.insert(path.to_owned(), item);
    paths
}

fn id_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

/// What a route is called among all: "Freeze: charge sellers".
fn summary(spec: &CommandSpec, one: bool) -> String {
    let noun = spec.name.rsplit_once('.').map_or(spec.name, |(noun, _)| noun).replace(['.', '-'], " ");
    let many = if one || spec.target == Target::Nothing { "" } else { ", many at once" };
    format!("{}: {noun}{many}", spec.title)
}

/// Objects of one request, at most.
pub(crate) const MOST_IDS: usize = 1_000;

fn outcome_schema() -> Schema {
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let row = |key: &str| {
        ObjectBuilder::new().property(key, text("The object.")).property("what", text("What became of it."))
    };
    let refused = ObjectBuilder::new().property("id", id_schema()).property("reason", text("Why."));
    let object = ObjectBuilder::new()
        .property("command", text("The command's name."))
        .required("command")
        .property("dry_run", ObjectBuilder::new().schema_type(Type::Boolean))
        .required("dry_run")
        .property("sentence", text("What it comes to, for people."))
        .required("sentence")
        .property("id", id_schema())
        .property("objects", ArrayBuilder::new().items(row("name")))
        .required("objects")
        .property("refused", ArrayBuilder::new().items(refused))
        .required("refused");
    Schema::Object(object.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_describes_its_fields_and_which_are_required() {
        let fields = [
            Field::line("amount", "Amount", "More than zero.").input(Input::Amount),
            Field::line("note", "Note", "").optional(),
        ];
        let body = serde_json::to_value(body_of(&fields).unwrap()).unwrap();
        let schema = &body["content"]["application/json"]["schema"];
        assert_eq!(schema["required"], serde_json::json!(["amount"]));
        assert_eq!(schema["properties"]["amount"]["format"], "decimal");
        assert_eq!(schema["properties"]["note"]["description"], "Note.");
        assert!(body_of(&[]).is_none());
    }
}
