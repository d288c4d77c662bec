"""What a user of dlt would write to have some models of Odoo 19 in Postgres.

Takes what to read as JSON from a file, prints as JSON how long that took and the most memory
that was resident. The ids of a model are listed first, then read a page at a time, as many pages
at once as the function that this is compared with reads.
"""

import json
import os
import resource
import sys
import time

import dlt
import requests

# Odoo's types as dlt calls them; all others are text. Without them a column that is empty
# everywhere would not be made at all.
TYPES = {
    "boolean": "bool",
    "integer": "bigint",
    "many2one": "bigint",
    "float": "double",
    "monetary": "double",
    "date": "date",
    "datetime": "timestamp",
}


def odoo(task):
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"bearer {task['key']}"
    session.headers["X-Odoo-Database"] = task["database"]

    def call(model, method, **arguments):
        answer = session.post(f"{task['url']}/json/2/{model}/{method}", json=arguments)
        answer.raise_for_status()
        return answer.json()

    return call


def stream(call, name, model, fields, page):
    context = {"active_test": False}
    described = call(model, "fields_get", attributes=["type"])
    types = {field: described[field]["type"] for field in fields}
    booleans = {field for field in fields if types[field] == "boolean"}
    # What is to many would become a table of its own.
    columns = {
        field: {"data_type": TYPES.get(kind, "text")}
        for field, kind in types.items()
        if not kind.endswith("2many")
    }

    def pages():
        ids = call(model, "search", domain=[], order="id", context=context)
        for start in range(0, len(ids), page):
            yield ids[start : start + page]

    def cleaned(row):
        # Odoo has no null: what is empty is false, whatever its type.
        return {
            field: None if value is False and field not in booleans else value
            for field, value in row.items()
        }

    def rows(ids):
        read = call(model, "read", ids=ids, fields=fields, load=None, context=context)
        return [cleaned(row) for row in read]

    listed = dlt.resource(pages, name=f"{name}_ids", selected=False)
    return dlt.transformer(
        rows,
        data_from=listed,
        name=name,
        primary_key="id",
        columns=columns,
        write_disposition="merge",
        parallelized=True,
    )


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    os.environ["EXTRACT__WORKERS"] = str(task["in_flight"])
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    started = time.monotonic()
    call = odoo(task)
    pipeline = dlt.pipeline(
        pipeline_name="odoo",
        pipelines_dir=task["folder"],
        destination=dlt.destinations.postgres(task["postgres"]),
        dataset_name="odoo_dlt",
    )
    streams = [
        stream(
            call,
            wanted["name"],
            wanted["model"],
            wanted["fields"],
            task["page"],
        )
        for wanted in task["streams"]
    ]
    pipeline.run(streams).raise_on_failed_jobs()
    took = time.monotonic() - started
    kilobytes = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"seconds": took, "peak_bytes": kilobytes * 1024}))


if __name__ == "__main__":
    main()
