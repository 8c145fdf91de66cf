//! The OpenAPI document, made from the route table itself.

use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ArrayBuilder, Components, ContentBuilder, HttpMethod, Info, OpenApi, OpenApiBuilder, RefOr,
    Required, ResponseBuilder, Schema,
};

use crate::gate::Callers;
use crate::routes::Route;
use crate::wire::Problem;

/// A JSON type as the document needs it: a reference, and the schemas that it refers to.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) reference: fn() -> RefOr<Schema>,
    pub(crate) schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    pub(crate) const fn of<T: ToSchema>() -> Self {
        Self { reference: reference::<T>, schemas: schemas::<T> }
    }

    pub(crate) const fn list_of<T: ToSchema>() -> Self {
        Self { reference: list::<T>, schemas: schemas::<T> }
    }
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(utoipa::openapi::Ref::from_schema_name(T::name()))
}

fn list<T: ToSchema>() -> RefOr<Schema> {
    let items = ArrayBuilder::new().items(reference::<T>());
    RefOr::T(Schema::Array(items.build()))
}

fn schemas<T: ToSchema>(found: &mut Vec<(String, RefOr<Schema>)>) {
    found.push((T::name().into_owned(), T::schema()));
    T::schemas(found);
}

pub(crate) fn document(table: &[Route]) -> OpenApi {
    let mut found = Vec::new();
    schemas::<Problem>(&mut found);
    let mut paths = PathsBuilder::new();
    for route in table.iter().filter(|route| !route.summary.is_empty()) {
        for shape in [route.takes, route.gives.1].into_iter().flatten() {
            (shape.schemas)(&mut found);
        }
        let mut item = utoipa::openapi::PathItem::default();
        item.merge_operations(utoipa::openapi::PathItem::new(
            method(&route.method),
            operation(route),
        ));
        paths = paths.path(route.path, item);
    }
    let mut components = Components::new();
    components.schemas.extend(found);
    let cookie = ApiKey::Cookie(ApiKeyValue::new("skep_{port}"));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("token", bearer);
    let mut info = Info::new("Skep", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "The hive's API. A guest who came by a link calls the same paths under `/l/{link}`."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let (status, shape) = route.gives;
    let mut answer = ResponseBuilder::new().description(route.summary);
    if let Some(shape) = shape {
        let content = ContentBuilder::new().schema(Some((shape.reference)())).build();
        answer = answer.content("application/json", content);
    }
    let problem = ContentBuilder::new().schema(Some(reference::<Problem>())).build();
    let problem = ResponseBuilder::new()
        .description("What happened, why, and what to do next")
        .content("application/problem+json", problem);
    let mut operation = OperationBuilder::new()
        .summary(Some(route.summary))
        .operation_id(Some(operation_id(route)))
        .response(status.to_string(), answer.build())
        .response("default", problem.build());
    for name in parameters(route.path) {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
        operation = operation.parameter(parameter.required(Required::True).build());
    }
    for name in route.query {
        let parameter = ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query);
        operation = operation.parameter(parameter.required(Required::False).build());
    }
    if let Some(shape) = route.takes {
        let content = ContentBuilder::new().schema(Some((shape.reference)())).build();
        let body = RequestBodyBuilder::new()
            .content("application/json", content)
            .required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    if route.policy.callers != Callers::Anyone {
        for scheme in ["session", "token"] {
            let scopes: [&str; 0] = [];
            operation =
                operation.security(utoipa::openapi::SecurityRequirement::new(scheme, scopes));
        }
    }
    operation.build()
}

/// `GET /api/v1/shares/{share}/files` is `get_shares_files`.
fn operation_id(route: &Route) -> String {
    let words = route.path.trim_start_matches("/api/v1/").split('/');
    let words: Vec<String> = words
        .filter(|word| !word.starts_with('{'))
        .map(|word| word.replace(['-', '.'], "_"))
        .collect();
    let last = if route.path.ends_with('}') { "_one" } else { "" };
    format!("{}_{}{last}", route.method.as_str().to_lowercase(), words.join("_"))
}

fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'))
}

fn method(method: &axum::http::Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}
