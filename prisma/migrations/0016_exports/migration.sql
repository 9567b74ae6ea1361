-- Copies that people ask for: of the log as far as they may read it, and of everything held about them. Written behind the requests, part by part.
CREATE TABLE "exports" (
  "id" UUID NOT NULL,
  "kind" TEXT NOT NULL,
  "owner_id" UUID NOT NULL,
  -- Whose session asked for it; a copy of somebody's data is told to that one alone.
  "session_id" UUID NOT NULL,
  "format" TEXT NOT NULL,
  "status" TEXT NOT NULL DEFAULT 'PENDING',
  -- What of the log it has, as it was decided when it was asked for.
  "visible" JSONB NOT NULL,
  "sees_addresses" BOOLEAN NOT NULL,
  "rows" INTEGER NOT NULL DEFAULT 0,
  "total" INTEGER NOT NULL,
  "parts" INTEGER NOT NULL DEFAULT 0,
  -- The last fact that has been written.
  "cursor" UUID,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "exports_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "exports_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "users" ("id") ON DELETE CASCADE,
  CONSTRAINT "exports_kind_check" CHECK ("kind" IN ('AUDIT', 'PERSONAL')),
  CONSTRAINT "exports_format_check" CHECK ("format" IN ('JSON', 'CSV', 'NDJSON')),
  CONSTRAINT "exports_status_check" CHECK ("status" IN ('PENDING', 'RUNNING', 'READY', 'FAILED'))
);
CREATE INDEX "exports_owner_id_idx" ON "exports" ("owner_id");
CREATE INDEX "exports_expires_at_idx" ON "exports" ("expires_at");

CREATE TABLE "export_parts" (
  "id" UUID NOT NULL,
  "export_id" UUID NOT NULL,
  "number" INTEGER NOT NULL,
  "sealed" BYTEA NOT NULL,
  CONSTRAINT "export_parts_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "export_parts_export_id_fkey" FOREIGN KEY ("export_id") REFERENCES "exports" ("id") ON DELETE CASCADE
);
CREATE UNIQUE INDEX "export_parts_export_id_number_key" ON "export_parts" ("export_id", "number");
-- Compressed and sealed already.
ALTER TABLE "export_parts" ALTER COLUMN "sealed" SET STORAGE EXTERNAL;
