// The pages' types say what the API's document says: no other fields, and `null` where it may be.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const HERE = join(import.meta.dirname);
const read = (path: string): string => readFileSync(join(HERE, path), "utf8");

interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  allOf?: Schema[];
  oneOf?: Schema[];
}

/** Types that are called otherwise there, or stand for a wish that has no name of its own. */
const CALLED: Record<string, string> = {
  NewInvitation: "MadeInvitation",
  NewProgram: "MadeProgram",
  OfferWish: "AcceptOffer",
  PutBack: "DidPutBack",
  HistoryLimits: "History",
  VersionSide: "Side",
  Pause: "Paused",
  Folders: "FolderChoices",
  OpenFile: "FileDetails",
  FilePage: "Listing",
  NewLink: "MadeLink",
  OpenDocument: "Document",
};
/** Parts of others, wishes, and what only the pages know. */
const OWN = ["Written", "Note", "NotLive", "Change", "LinkWish"];
/** Nobody but a program with a token is without a name, and a program opens no page. */
const NEVER_NULL = ["Me.person"];

const schemas = (
  JSON.parse(read("../../../server/web/openapi.json")) as {
    components: { schemas: Record<string, Schema> };
  }
).components.schemas;

interface Fields {
  [name: string]: { nullable: boolean };
}

function fieldsOf(schema: Schema | undefined): Fields {
  if (!schema) return {};
  if (schema.$ref) return fieldsOf(schemas[schema.$ref.split("/").at(-1)!]);
  const parts = (schema.allOf ?? []).map(fieldsOf);
  const own = Object.entries(schema.properties ?? {}).map(([name, one]) => {
    const types = [one, ...(one.oneOf ?? [])].flatMap((any) => any.type ?? []);
    return [name, { nullable: types.includes("null") }] as const;
  });
  return Object.assign({}, ...parts, Object.fromEntries(own)) as Fields;
}

const interfaces = new Map<string, ts.InterfaceDeclaration>();
for (const file of ["types.ts", "hives.ts"]) {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  source.forEachChild((node) => {
    if (ts.isInterfaceDeclaration(node)) interfaces.set(node.name.text, node);
  });
}

function stated(declared: ts.InterfaceDeclaration): Fields {
  const above = (declared.heritageClauses ?? []).flatMap((clause) =>
    clause.types.map((one) => stated(interfaces.get(one.expression.getText())!)),
  );
  const own = declared.members.filter(ts.isPropertySignature).map((member) => {
    const words = member.type?.getText() ?? "";
    const nullable = Boolean(member.questionToken) || /\bnull\b/.test(words);
    return [member.name.getText().replaceAll('"', ""), { nullable }] as const;
  });
  return Object.assign({}, ...above, Object.fromEntries(own)) as Fields;
}

const told = [...interfaces].filter(([name]) => !OWN.includes(name));

test.each(told)("%s is as the API has it", (name, declared) => {
  const fields = fieldsOf(schemas[CALLED[name] ?? name]);
  expect(Object.keys(fields), "the API knows it").not.toHaveLength(0);
  const wrong = Object.entries(stated(declared)).flatMap(([field, { nullable }]) => {
    if (!fields[field]) return [`${field}: the API has no such field`];
    if (fields[field].nullable && !nullable && !NEVER_NULL.includes(`${name}.${field}`))
      return [`${field}: may be null`];
    return [];
  });
  expect(wrong).toEqual([]);
});
