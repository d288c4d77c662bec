//! What `template.yaml` says of functions, routes and rules.
//!
//! Read without CloudFormation: tags are dropped, so that `!Ref Api` reads `Api` and
//! `!GetAtt SyncAll.Arn` reads `SyncAll.Arn`, and what they stand for is put in here where
//! it is a function or a parameter of the stack. That is enough for this template; a
//! condition is taken as true.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::aws::{ACCOUNT, REGION, function_arn};

/// What the stack is called here.
const STACK: &str = "local";
/// Lambda's own, where nothing is said.
const RETRIES: u32 = 2;
/// The same, in seconds.
const TIMEOUT: u32 = 3;

/// What is deployed.
#[derive(Debug)]
pub struct Template {
    /// The functions, in the order of their names in the template.
    pub functions: Vec<Function>,
    /// Rules that look at events; schedules are left out.
    pub rules: Vec<Rule>,
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Name of its binary, such as `sync-products`.
    pub binary: String,
    /// What it is called once deployed, such as `prod-sync-products`.
    pub name: String,
    /// API Gateway's routes that lead to it.
    pub routes: Vec<Route>,
    /// Limit of one invocation.
    pub timeout: Duration,
    /// How often an asynchronous invocation that failed is made again.
    pub retries: u32,
    /// Whether the bus is told of an asynchronous invocation that failed for good.
    pub failure_goes_to_bus: bool,
    /// Whether an event that was given up is kept in a queue of the function's own.
    pub has_dead_letters: bool,
    logical_id: String,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `None`: every method.
    pub method: Option<String>,
    /// Such as `/api/sync/products`; `None`: whatever no other route takes.
    pub path: Option<String>,
}

/// A rule of the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unlike any other's.
    pub name: String,
    /// EventBridge's event pattern.
    pub pattern: Value,
    /// The binary of the function that gets the event.
    pub function: String,
}

impl Template {
    /// Reads the file.
    ///
    /// # Errors
    /// Where it cannot be read, is no YAML, or a function lacks its binary.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not what it should be", path.display()))
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// As [`Template::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let template: Value = serde_saphyr::from_str(text).context("no YAML")?;
        let global = &template["Globals"]["Function"];
        let mut functions = Vec::new();
        for (id, resource) in of_type(&template, "AWS::Serverless::Function") {
            functions.push(function(id, resource, global, &template)?);
        }
        ensure!(!functions.is_empty(), "it has no function");
        let rules = rules(&template, &functions)?;
        Ok(Self { functions, rules })
    }

    /// The function with this binary.
    pub fn function(&self, binary: &str) -> Option<&Function> {
        self.functions
            .iter()
            .find(|function| function.binary == binary)
    }
}

fn of_type<'a>(template: &'a Value, kind: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    resources
        .filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), resource))
}

fn function(id: &str, resource: &Value, global: &Value, template: &Value) -> Result<Function> {
    let properties = &resource["Properties"];
    let binary = resource["Metadata"]["BuildProperties"]["Binary"]
        .as_str()
        .with_context(|| format!("{id} has no Metadata.BuildProperties.Binary"))?;
    let name = properties["FunctionName"].as_str().unwrap_or(id);
    let own_or_global = |of: fn(&Value) -> &Value| {
        let own = of(properties);
        if own.is_null() { of(global) } else { own }
    };
    let retries = own_or_global(|it| &it["EventInvokeConfig"]["MaximumRetryAttempts"]);
    let timeout = number(own_or_global(|it| &it["Timeout"]), template).unwrap_or(TIMEOUT);
    let destination =
        own_or_global(|it| &it["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Type"]);
    Ok(Function {
        binary: binary.to_owned(),
        name: in_stack(name),
        routes: events(resource, "HttpApi")
            .map(|(_, event)| route(event))
            .collect(),
        timeout: Duration::from_secs(timeout.into()),
        retries: number(retries, template).unwrap_or(RETRIES),
        failure_goes_to_bus: destination == "EventBridge",
        has_dead_letters: !properties["DeadLetterQueue"].is_null(),
        logical_id: id.to_owned(),
    })
}

/// The properties of a function's events of one type, by their names.
fn events<'a>(resource: &'a Value, kind: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let events = resource["Properties"]["Events"].as_object();
    let events = events.into_iter().flatten();
    events
        .filter(move |(_, event)| event["Type"] == kind)
        .map(|(name, event)| (name.as_str(), &event["Properties"]))
}

fn route(event: &Value) -> Route {
    let text = |key: &str| event[key].as_str().map(str::to_owned);
    Route {
        method: text("Method")
            .map(|method| method.to_uppercase())
            .filter(|method| method != "ANY" && method != "X-AMAZON-APIGATEWAY-ANY-METHOD"),
        path: text("Path").filter(|path| path != "$default"),
    }
}

/// A number that stands there, or that is a parameter's default.
fn number(value: &Value, template: &Value) -> Option<u32> {
    let value = match value.as_str() {
        Some(parameter) => &template["Parameters"][parameter]["Default"],
        None => value,
    };
    value.as_u64()?.try_into().ok()
}

/// Rules among the functions' events, and those that stand by themselves.
fn rules(template: &Value, functions: &[Function]) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for (id, resource) in of_type(template, "AWS::Serverless::Function") {
        for (name, event) in events(resource, "EventBridgeRule") {
            let target = functions.iter().find(|function| function.logical_id == id);
            let target = target.with_context(|| format!("no function {id}"))?;
            rules.push(rule(
                format!("{id}{name}"),
                &event["Pattern"],
                target,
                functions,
            )?);
        }
    }
    for (id, resource) in of_type(template, "AWS::Events::Rule") {
        let properties = &resource["Properties"];
        if properties["EventPattern"].is_null() {
            continue;
        }
        for (number, target) in properties["Targets"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            // `!If [Condition, target, nothing]`
            let target = target.get(1).unwrap_or(target);
            let arn = target["Arn"].as_str().unwrap_or_default();
            // Nobody outside is told of what happens here.
            if is_outside(arn, template) {
                continue;
            }
            let found = functions
                .iter()
                .find(|function| arn == format!("{}.Arn", function.logical_id))
                .with_context(|| format!("a target of {id} is no function"))?;
            let name = format!("{id}{number}");
            rules.push(rule(name, &properties["EventPattern"], found, functions)?);
        }
    }
    Ok(rules)
}

/// Whether the target is an address somewhere else.
fn is_outside(arn: &str, template: &Value) -> bool {
    let id = arn.strip_suffix(".Arn").unwrap_or(arn);
    template["Resources"][id]["Type"] == "AWS::Events::ApiDestination"
}

fn rule(name: String, pattern: &Value, target: &Function, all: &[Function]) -> Result<Rule> {
    ensure!(pattern.is_object(), "{name} has no pattern");
    Ok(Rule {
        name,
        pattern: resolve(pattern, all),
        function: target.binary.clone(),
    })
}

/// Puts in what names stand for, in every text of a pattern.
fn resolve(value: &Value, functions: &[Function]) -> Value {
    match value {
        Value::String(text) => Value::String(resolve_text(text, functions)),
        Value::Array(items) => items.iter().map(|item| resolve(item, functions)).collect(),
        Value::Object(entries) => {
            let entries = entries.iter();
            let resolved = entries.map(|(key, value)| (key.clone(), resolve(value, functions)));
            Value::Object(resolved.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn resolve_text(text: &str, functions: &[Function]) -> String {
    let mut text = in_stack(text);
    for function in functions {
        let attribute = format!("{}.Arn", function.logical_id);
        let arn = function_arn(&function.name);
        if text == attribute {
            return arn;
        }
        text = text
            .replace(&format!("${{{attribute}}}"), &arn)
            .replace(&format!("${{{}}}", function.logical_id), &function.name);
    }
    text
}

fn in_stack(text: &str) -> String {
    text.replace("${AWS::StackName}", STACK)
        .replace("${AWS::Region}", REGION)
        .replace("${AWS::AccountId}", ACCOUNT)
        .replace("${AWS::Partition}", "aws")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = r#"
Parameters:
  Retries:
    Type: Number
    Default: 1
Globals:
  Function:
    Timeout: 900
    EventInvokeConfig:
      MaximumRetryAttempts: !Ref Retries
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
  One:
    Type: AWS::Serverless::Function
    Metadata:
      BuildProperties:
        Binary: sync-one
    Properties:
      FunctionName: !Sub ${AWS::StackName}-sync-one
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Lost.Arn}
      EventInvokeConfig:
        DestinationConfig:
          OnFailure:
            Type: EventBridge
            Destination: !GetAtt Bus.Arn
      Events:
        Route:
          Type: HttpApi
          Properties:
            ApiId: !Ref Api
            Method: post
            Path: /api/sync/one
        Schedule:
          Type: Schedule
          Properties:
            Schedule: rate(5 minutes)
        Requested:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [odoo.sync]
              resources: [!GetAtt One.Arn, prefix: !Sub "${One.Arn}:"]
  Rest:
    Type: AWS::Serverless::Function
    Metadata:
      BuildProperties:
        Binary: api
    Properties:
      Timeout: 30
      EventInvokeConfig:
        MaximumRetryAttempts: 0
      Events:
        Default:
          Type: HttpApi
          Properties:
            ApiId: !Ref Api
  Nightly:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      Targets: [{Arn: !GetAtt One.Arn, Id: one}]
  Failed:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [lambda]
      Targets: [{Arn: !GetAtt Rest.Arn, Id: rest}]
  Chat:
    Type: AWS::Events::ApiDestination
  Told:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [odoo.sync]
      Targets:
        - !If [HasChat, {Arn: !GetAtt Chat.Arn, Id: chat}, !Ref AWS::NoValue]
        - {Arn: !GetAtt Chat.Arn, Id: again}
"#;

    #[test]
    fn functions_have_their_routes_and_what_becomes_of_a_failure() {
        let template = Template::parse(TEXT).expect("a template");
        let one = template.function("sync-one").expect("a function");
        assert_eq!(one.name, "local-sync-one");
        assert_eq!((one.retries, one.failure_goes_to_bus), (1, true));
        assert!(one.has_dead_letters);
        assert_eq!(one.timeout, Duration::from_secs(900));
        let [route] = one.routes.as_slice() else {
            panic!("not one route: {:?}", one.routes);
        };
        assert_eq!(route.method.as_deref(), Some("POST"));
        assert_eq!(route.path.as_deref(), Some("/api/sync/one"));
        let api = template.function("api").expect("a function");
        assert_eq!((api.retries, api.failure_goes_to_bus), (0, false));
        assert!(!api.has_dead_letters);
        assert_eq!(api.timeout, Duration::from_secs(30));
        assert_eq!(
            api.routes,
            [Route {
                method: None,
                path: None
            }]
        );
    }

    #[test]
    fn rules_with_a_pattern_have_their_target_and_what_names_stand_for() {
        let template = Template::parse(TEXT).expect("a template");
        let [requested, failed] = template.rules.as_slice() else {
            panic!("not two rules: {:?}", template.rules);
        };
        assert_eq!(requested.function, "sync-one");
        let arn = "arn:aws:lambda:eu-central-1:123456789012:function:local-sync-one";
        assert_eq!(
            requested.pattern,
            json!({"source": ["odoo.sync"], "resources": [arn, {"prefix": format!("{arn}:")}]})
        );
        assert_eq!(failed.function, "api");
    }

    #[test]
    fn a_function_without_a_binary_is_named() {
        let error = Template::parse(&TEXT.replace("Binary: api", "Other: api")).expect_err("none");
        assert!(format!("{error:#}").contains("Rest"), "{error:#}");
    }
}
