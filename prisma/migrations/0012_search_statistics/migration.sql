-- A search by how an address, a username or a name begins: with the usual hundred samples of a column PostgreSQL takes a rare beginning for a
-- hundredth of all users whenever one of the samples has it, and then reads every member of an organization to count eleven. Partial indexes give
-- it nothing to estimate by, so that lower(name) needs statistics of its own.
ALTER TABLE "users" ALTER COLUMN "email_key" SET STATISTICS 1000, ALTER COLUMN "username_key" SET STATISTICS 1000;
CREATE STATISTICS "users_name_lower" ON lower("name") FROM "users";
ALTER STATISTICS "users_name_lower" SET STATISTICS 1000;
ANALYZE "users";
