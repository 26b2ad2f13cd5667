/** What the server sends, as far as the client looks at it: the contract of REST and realtime. */

export type Id = string;
export type TimelineKind = "room" | "conversation";
export type Role = "owner" | "moderator" | "member";
export type Status = "available" | "busy" | "away";
export type Availability = Status | "offline";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Participant {
  id: Id;
  kind: "user" | "agent";
  name: string;
}

export interface User {
  id: Id;
  email: string;
  username: string;
  display_name: string | null;
  language: string | null;
  status: Status;
  role: "user" | "admin";
  active: boolean;
  weekly_messages: number | null;
  created_at: string;
}

export interface PublicUser extends Participant {
  username: string;
  display_name: string | null;
  status: Status;
}

export interface Translation {
  language: string;
  text: string;
  provider: string;
}

export interface Message {
  id: Id;
  timeline_id: Id;
  offset: number;
  author: Participant;
  text: string;
  language: string | null;
  reply_to: Id | null;
  client_id: string | null;
  created_at: string;
  edited_at: string | null;
  deleted_at: string | null;
  reactions: Record<string, Id[]>;
  mentions: Id[];
  mentions_all?: true;
  translation?: Translation | null;
  answer_id?: string;
  /** It was being written as an answer when that failed or was stopped. */
  partial?: true;
}

export interface MessagePage {
  items: Message[];
  next_before: number | null;
}

export interface Room {
  id: Id;
  name: string;
  description: string;
  visibility: "public" | "private";
  capacity: number | null;
  language: string | null;
  translation: boolean;
  slow_mode_seconds: number;
  glossary: string | null;
  formality: string | null;
  created_by: Id;
  created_at: string;
  archived_at: string | null;
}

export interface Conversation {
  id: Id;
  kind: "private" | "group";
  title: string | null;
  room_id: Id | null;
  participants: (Participant & { presence?: Availability })[];
  created_by: Id;
  created_at: string;
  archived_at: string | null;
}

export interface Member {
  participant: Participant;
  role: Role;
  username?: string | null;
  presence?: Availability;
  muted_until?: string | null;
}

export interface Unread {
  timeline_id: Id;
  kind: TimelineKind;
  unread: number;
  mentions: number;
  last_read_offset: number;
}

export interface Notification {
  id: Id;
  kind: "mention" | "reply" | "invitation" | "private_message";
  timeline_id: Id;
  timeline_kind: TimelineKind;
  message_id: Id | null;
  actor: Participant;
  at: string;
  read_at: string | null;
}

export interface Ban {
  participant: Participant;
  until: string | null;
  reason: string | null;
  by: Id;
  at: string;
}

export interface Reader {
  participant_id: Id;
  last_read_offset: number;
}

export interface ApiKey {
  id: Id;
  name: string;
  created_at: string;
  last_used_at: string | null;
  key?: string;
}

export interface Agent {
  id: Id;
  name: string;
  display_name?: string | null;
  persona?: string | null;
  model?: string | null;
  temperature?: number | null;
  cooldown_seconds?: number;
  daily_answers?: number | null;
  tools?: string[];
  room_policy?: string;
  conversation_policy?: string;
  language?: string | null;
}

export interface Memory {
  id: Id;
  agent_id: Id;
  about: Id | null;
  timeline_id: Id | null;
  message_id: Id | null;
  text: string;
  keywords: string[];
  created_at: string;
  updated_at: string;
}

export interface OwnMemory extends Memory {
  agent: Participant;
}

/** What an agent was given to read. */
export interface AgentDocument {
  id: Id;
  agent_id: Id;
  name: string;
  media_type: string;
  bytes: number;
  characters: number;
  chunks: number;
  created_at: string;
}

/** A memory that an answer makes use of: what it says is told to those who may read it, by REST. */
export interface MemoryUsed {
  id: Id;
  about: Id | null;
}

/** An answer that is being written: what a new subscriber is told of it, and what the deltas add up to. */
export interface Answer {
  answer_id: string;
  author: Participant;
  question?: Id | null;
  text: string;
}
