/**
 * Names for the shapes of the hub's API that the console uses.
 *
 * The shapes themselves are in schema.ts, which `make types` writes from the hub's description.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Problem = Schemas["Problem"];
export type Me = Schemas["MeOut"];
export type Login = Schemas["LoginIn"];
export type First = Schemas["FirstIn"];
export type Session = Schemas["SessionOut"];
export type User = Schemas["UserOut"];
export type Users = Schemas["UsersOut"];
export type NewUser = Schemas["UserIn"];
export type UserChange = Schemas["UserChange"];
export type Role = User["role"];

/** Which ways in the hub offers. */
export interface Methods {
  local: boolean;
  oidc: { name: string; url: string } | null;
  is_first: boolean;
}
