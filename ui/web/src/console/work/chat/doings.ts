/** What one can do with a conversation, wherever its menu stands. */
import type { MenuItem } from "../../../lib/components/Menu.svelte";
import { t } from "../../../lib/i18n";
import { conversations } from "../api";
import type { Conversation } from "../types";
import type { Desk } from "./desk.svelte";

export function doingsOf(one: Conversation, desk: Desk): MenuItem[] {
  if (one.deleted_at) return [{ label: t("hub-work:restore"), icon: "rotate-ccw", run: () => void desk.restore(one) }];
  const exports: MenuItem[] = [
    { label: t("hub-work:export-md"), icon: "download", separated: one.is_own, run: () => location.assign(conversations.exportAt(one.id, "md")) },
    { label: t("hub-work:export-json"), icon: "download", run: () => location.assign(conversations.exportAt(one.id, "json")) },
  ];
  if (!one.is_own) return exports;
  return [
    { label: t(one.pinned ? "hub-work:unpin" : "hub-work:pin"), icon: one.pinned ? "pin-off" : "pin", run: () => void desk.change(one, { pinned: !one.pinned }) },
    {
      label: t(one.archived ? "hub-work:bring-back" : "hub-work:archive"),
      icon: one.archived ? "archive-restore" : "archive",
      run: () => void desk.change(one, { archived: !one.archived }),
    },
    { label: t("hub-work:rename"), icon: "pencil", run: () => (desk.asked = { what: "rename", conversation: one }) },
    { label: t("hub-work:share"), icon: "users", run: () => (desk.asked = { what: "share", conversation: one }) },
    ...exports,
    { label: t("delete"), icon: "trash-2", danger: true, separated: true, run: () => void desk.remove(one) },
  ];
}
