/** The door of the letters room: operations post, the back door opens and renders. */
import type { Clock, Kms, Random } from '../../infra/ports.ts';
import type { Letter, WrittenLetter } from './model.ts';
import { openPost, type Post } from './post.ts';
import { renderLetter } from './render.ts';

export type Letters = Post & { render(letter: Letter): WrittenLetter };

export const openLetters = (needs: { clock: Clock; random: Random; kms: Kms }): Letters => ({ ...openPost(needs), render: renderLetter });
